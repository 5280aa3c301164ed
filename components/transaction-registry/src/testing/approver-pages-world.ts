import type { OpenedTransaction, Person } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics, pageRoutes } from '@countersign/runtime';
import { browserOf, createCookieSignIn, unescaped, type WebBrowser } from '@countersign/testkit';
import { approverPageRoutes } from '../index.ts';
import { createApprovingWorld, type Kind } from './approving-world.ts';
import { createSmallAuthenticators, type Enrolled, usualOrigin } from './small-authenticators.ts';

type Fields = Readonly<Record<string, string | undefined>>;
type ApproverBrowser = WebBrowser;

/** The approver pages over a real registry; people sign in by name, and sign with software authenticators. */
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
    authentication: createCookieSignIn(world.clock),
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
    /** A browser in which this person is signed in for approvals; nobody if left out. */
    browserOf: (person?: Person): ApproverBrowser => browserOf(app, person, 'approval'),
    enrol: authenticators.enrol,
    pathOf: ({ id }: Pick<OpenedTransaction, 'id'>) => `/approve/${id}`,
    /** Advances it to the step that waits for two people of operations. */
    async beginWaiting(kind: Kind = 'privileged_admin', changes: Readonly<Record<string, unknown>> = {}) {
      return world.begin(kind, changes);
    },
    /** The request that the browser sends once the authenticator has answered the page. */
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

/** The hidden fields of the form whose tag contains this text. */
export function hiddenFields(page: string, within: string): Fields {
  const form = page.split('<form ').find((part) => part.slice(0, part.indexOf('>')).includes(within)) ?? '';
  const fields = form.slice(0, form.indexOf('</form>')).matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g);
  return Object.fromEntries([...fields].map(([, name, value]) => [name, unescaped(value ?? '')]));
}

export function textOf(page: string): string {
  return unescaped(page.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')).trim();
}

/** The error code on a problem page. */
export function codeOf(page: string): string | undefined {
  return /<p class="code">[^<]*<code>([a-z_]+)<\/code>/.exec(page)?.[1];
}
