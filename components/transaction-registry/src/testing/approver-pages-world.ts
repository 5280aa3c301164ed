import type { Authentication, OpenedTransaction, Person, SignIn } from '@countersign/contracts';
import { newId } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, pageRoutes } from '@countersign/runtime';
import { unescaped, webBrowser } from '@countersign/testkit';
import { approverPageRoutes } from '../index.ts';
import { createApprovingWorld, type Kind } from './approving-world.ts';
import { createSmallAuthenticators, type Enrolled, usualOrigin } from './small-authenticators.ts';

export type Fields = Readonly<Record<string, string | undefined>>;
export type ApproverBrowser = ReturnType<typeof webBrowser>;

/** The pages of approvers over a real registry; people sign in by being named, and sign by software authenticators. */
export async function createApproverPagesWorld({
  origin = usualOrigin,
  ...options
}: {
  readonly timeZone?: string;
  readonly origin?: string;
} = {}) {
  const world = await createApprovingWorld();
  const authenticators = createSmallAuthenticators({ ...world, origin });
  const registry = world.registryWith({ authenticators: authenticators.register });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const app = createHttpServer({ logger, metrics: createMetrics() });
  pageRoutes(app);
  approverPageRoutes(app, {
    transactions: registry,
    authentication: createSmallAuthentication(world),
    statements: authenticators.statements,
    directory: world.directory,
    clock: world.clock,
    random: world.random,
    logger,
    issuer: origin,
    otherPath: '/approvals',
    ...options,
  });
  await app.ready();

  return {
    ...world,
    registry,
    authenticators,
    app,
    /** A browser in which this person is signed in for approvals; nobody when left out. */
    browserOf(person?: Person): ApproverBrowser {
      const browser = webBrowser(app);
      if (person !== undefined) browser.cookies.set('signed-in', person.id.replace('person:', ''));
      return browser;
    },
    enrol: authenticators.enrol,
    pathOf: ({ id }: Pick<OpenedTransaction, 'id'>) => `/approve/${id}`,
    /** Brought to where its step waits for two people of operations. */
    async beginWaiting(kind: Kind = 'privileged_admin', changes: Readonly<Record<string, unknown>> = {}) {
      return world.begin(kind, changes);
    },
    /** What the browser sends once the authenticator has answered what the page asks. */
    signed(page: string, { device }: Enrolled, behaviour: Parameters<Enrolled['device']['get']>[1] = {}): Fields {
      const options = /data-webauthn="get" data-options="([^"]*)"/.exec(page)?.[1];
      if (options === undefined) throw new Error('the page asks for no signature');
      const answer = device.get(JSON.parse(unescaped(options)), behaviour);
      return { ...hiddenFields(page, 'data-webauthn'), decision: 'approve', credential: JSON.stringify(answer) };
    },
    async close() {
      await app.close();
      await world.close();
    },
  };
}
export type ApproverPagesWorld = Awaited<ReturnType<typeof createApproverPagesWorld>>;

/** The hidden fields of the form whose tag holds this text. */
export function hiddenFields(page: string, within: string): Fields {
  const form = page.split('<form ').find((part) => part.slice(0, part.indexOf('>')).includes(within)) ?? '';
  const fields = form.slice(0, form.indexOf('</form>')).matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g);
  return Object.fromEntries([...fields].map(([, name, value]) => [name, unescaped(value ?? '')]));
}

/** What a person reads. */
export function textOf(page: string): string {
  return unescaped(page.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')).trim();
}

/** The code that a problem page tells. */
export function codeOf(page: string): string | undefined {
  return /<p class="code">[^<]*<code>([a-z_]+)<\/code>/.exec(page)?.[1];
}

/** Signs in by being named in a cookie: who people are is another component's. */
function createSmallAuthentication(world: {
  readonly clock: { now(): number };
  readonly random: { bytes(length: number): Uint8Array };
  readonly directory: { readonly principals: ReadonlyMap<string, unknown> };
}): Pick<Authentication, 'begin' | 'current'> {
  const sessions = new Map<string, SignIn['session']>();
  return {
    async current(cookie, need) {
      if (need?.tier !== 'approval') throw new Error('only a session for approvals opens these pages');
      const name = /(?:^|; )signed-in=([\w.-]+)/.exec(cookie ?? '')?.[1];
      const person = name === undefined ? undefined : (`person:${name}` as SignIn['person']);
      if (person === undefined) return undefined;
      const session = sessions.get(person) ?? newId('session', world);
      sessions.set(person, session);
      const authTime = Math.floor(world.clock.now() / 1000);
      return { session, person, acr: 'phrh', amr: ['pop', 'hwk', 'user'], authTime, tier: 'approval' };
    },
    async begin({ returnTo, need }) {
      return `/sign-in/here?${new URLSearchParams({ returnTo, tier: need.tier ?? '' })}`;
    },
  };
}
