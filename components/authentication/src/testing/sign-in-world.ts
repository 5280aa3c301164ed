import { systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, pageRoutes, type ScratchDatabase } from '@countersign/runtime';
import {
  createMemoryLog,
  createTestDatabase,
  fixedClock,
  hiddenField,
  testRowSeal,
  type WebBrowser,
  webBrowser,
} from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import {
  type AuthenticationConfiguration,
  type AuthenticationDependencies,
  authenticationMigrations,
  authenticationRoutes,
  createAuthentication,
  type RunningAuthentication,
} from '../index.ts';
import { type PeopleDirectory, peopleDirectory } from './people.ts';

export const issuer = 'http://127.0.0.1:8080';
export const returnTo = '/authorize/continue?interaction=abc';

export interface SignInNode {
  readonly authentication: RunningAuthentication;
  readonly app: FastifyInstance;
  browser(): WebBrowser;
}

export type SignInWorld = Awaited<ReturnType<typeof createSignInWorld>>;

/** A database, a directory, a log, a clock, and a given number of nodes. */
export async function createSignInWorld() {
  const database: ScratchDatabase = await createTestDatabase({ components: [authenticationMigrations] });
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  const audit = createMemoryLog(clock, { anyReferences: true });
  const directory: PeopleDirectory = peopleDirectory();
  const logger = createLogger({ level: 'silent', name: 'test' });
  const nodes: SignInNode[] = [];

  function node(
    config: Partial<AuthenticationConfiguration> = {},
    seen: AuthenticationDependencies['directory'] = directory,
    parts: Partial<AuthenticationDependencies> = {},
  ): SignInNode {
    const whole: AuthenticationConfiguration = {
      issuer,
      environment: 'development',
      methods: ['development'],
      ...config,
    };
    const pool = database.pool('authentication');
    const authentication = createAuthentication({
      pool,
      audit,
      directory: seen,
      clock,
      random: systemRandom,
      logger,
      rowSeal: testRowSeal,
      config: whole,
      ...parts,
    });
    const app = createHttpServer({ logger, metrics: createMetrics() });
    pageRoutes(app);
    authenticationRoutes(app, { authentication, directory: seen, logger });
    const made: SignInNode = { authentication, app, browser: () => webBrowser(app) };
    nodes.push(made);
    return made;
  }

  return {
    database,
    clock,
    audit,
    directory,
    node,
    async rows(table: 'sign_ins' | 'sessions'): Promise<number> {
      const { rows } = await database
        .pool('authentication')
        .query<{ n: number }>(`select count(*)::int as n from ${table}`);
      return rows[0]?.n ?? 0;
    },
    /** The newest counter of each person's key. */
    async counters(): Promise<ReadonlyMap<string, number>> {
      const { rows } = await database
        .pool('authentication')
        .query<{ person: string; counter: number }>('select person, counter::int as counter from authenticators');
      return new Map(rows.map(({ person, counter }) => [person, counter]));
    },
    async close() {
      for (const { app, authentication } of nodes) {
        await app.close();
        await authentication.stop();
      }
      await database.drop();
    },
  };
}

/** The most common way to start a sign-in. */
export function begin(
  { authentication }: SignInNode,
  request: Partial<Parameters<RunningAuthentication['begin']>[0]> = {},
): Promise<string> {
  return authentication.begin({
    returnTo,
    need: { acrValues: [] },
    clientName: 'Trading desk',
    address: undefined,
    ...request,
  });
}

/** Opens the page and fills in its form. */
export async function formOf(browser: WebBrowser, path: string) {
  const { body } = await browser.get(path);
  return { csrf: hiddenField(body, 'csrf'), method: hiddenField(body, 'method'), action: 'sign-in' };
}

/** Signs in from start to end. @returns the answer to the form */
export async function signIn(node: SignInNode, browser: WebBrowser, person: { readonly id: string }) {
  const path = await begin(node);
  return browser.post(path, { ...(await formOf(browser, path)), person: person.id });
}
