import type { RunningAuditLog } from '@countersign/audit-log';
import {
  authenticationMigrations,
  authenticationRoutes,
  createAuthentication,
  createRisk,
  type RunningAuthentication,
} from '@countersign/authentication';
import { parsePrincipalId } from '@countersign/contracts';
import { systemClock, systemRandom } from '@countersign/kernel';
import { createHttpServer, createMetrics, pageRoutes } from '@countersign/runtime';
import { testRowSeal } from '@countersign/testkit';
import { createAttestationAuthority, createSoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import type pg from 'pg';
import { type TermsBehind, termsBehind } from '../evidence/terms-behind.ts';
import { floorMigrations, type InProcess } from '../in-process.ts';
import type { Starter, Stoppable } from '../starter.ts';
import { houses } from '../trading/firms.ts';
import { startMarketSite } from '../trading/market-site.ts';
import { signInLedgerStore } from './sign-in-ledger-store.ts';
import type { KeyHolder, SignInServer } from './sign-in-steps.ts';

/** Where browsers are, as far as they know: keys answer to no other origin. */
export const signInOrigin = 'https://sign-in.countersign.invalid';
/** As many connections as a server gives the component. */
export const connectionsToDatabase = 8;

/** Sign-in with keys, in this process and joined as a server joins it, on a database of its own. */
export interface SignInSite extends Stoppable {
  readonly server: SignInServer;
  readonly authentication: RunningAuthentication;
  readonly auditLog: RunningAuditLog;
  readonly terms: TermsBehind;
  readonly people: readonly KeyHolder[];
  readonly ledger: ReturnType<typeof signInLedgerStore>;
  /** For the floor, on the same PostgreSQL. */
  readonly floorPool: pg.Pool;
}

/** @param options.people how many have a key; each is invited, and registers it */
export async function startSignInSite({
  inProcess,
  people,
  started,
  onProgress,
}: {
  readonly inProcess: Pick<InProcess, 'scratch' | 'logger'>;
  readonly people: number;
  readonly started: Starter;
  readonly onProgress: (message: string) => void;
}): Promise<SignInSite> {
  const { logger } = inProcess;
  const { auditLog, directory, scratch, owner, accessOf, running, stop } = await startMarketSite({
    inProcess,
    started,
    components: [authenticationMigrations, floorMigrations],
    ownerConnections: 1,
  });
  const terms = running(termsBehind({ auditLog, connection: scratch.connection }));
  const pool = scratch.pool(authenticationMigrations.name, { maxConnections: connectionsToDatabase });
  const parties = { pool, audit: auditLog, directory, clock: systemClock, random: systemRandom, logger };
  const risk = running(await createRisk({ ...parties, access: accessOf(authenticationMigrations) }));
  const authentication = running(
    createAuthentication({
      ...parties,
      risk,
      rowSeal: testRowSeal,
      signals: risk,
      config: {
        issuer: signInOrigin,
        environment: 'production',
        methods: ['webauthn'],
        // All of them come from one address.
        limits: { perAddress: 1_000_000, perBrowser: 1_000_000 },
      },
    }),
  );
  const app = createHttpServer({ logger, metrics: createMetrics() });
  pageRoutes(app);
  authenticationRoutes(app, { authentication, directory, logger });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  running({ stop: () => app.close() });

  onProgress(`${people} people register their keys`);
  return {
    server: {
      name: 'Countersign',
      url,
      begin: () =>
        authentication.begin({
          returnTo: '/authorize/continue',
          need: { acrValues: [] },
          clientName: 'Trading desk',
          address: undefined,
        }),
    },
    authentication,
    auditLog,
    terms,
    people: await registered(authentication, people),
    ledger: signInLedgerStore(owner),
    floorPool: scratch.pool(floorMigrations.name, { maxConnections: connectionsToDatabase }),
    stop,
  };
}

async function registered({ authenticators }: RunningAuthentication, count: number): Promise<readonly KeyHolder[]> {
  const authority = createAttestationAuthority({ clock: systemClock });
  const traders = houses.flatMap((house) => house.traders).slice(0, count);
  if (traders.length < count) throw new Error(`the market has ${traders.length} traders, and not ${count}`);
  const holders: KeyHolder[] = [];
  for (const id of traders) {
    const person = parsePrincipalId(id);
    if (person === undefined) throw new Error(`no principal id: ${id}`);
    const key = createSoftwareAuthenticator({ origin: signInOrigin, authority });
    const { path } = await authenticators.invite({ person, evidence: ['benchmark'] }, { id: 'person:office' });
    const { handle, options } = await authenticators.askInvited(path.slice('/enrol/'.length));
    await authenticators.register({ handle, person, credential: key.create(options), name: 'key' });
    holders.push({ person, key });
  }
  return holders;
}
