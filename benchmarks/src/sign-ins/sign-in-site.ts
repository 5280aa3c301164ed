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
import { termsBehind } from '../evidence/terms-behind.ts';
import { floorMigrations, type InProcess } from '../in-process.ts';
import type { Run } from '../starter.ts';
import { houses } from '../trading/firms.ts';
import { startMarketSite } from '../trading/market-site.ts';
import { signInLedgerStore } from './sign-in-ledger-store.ts';
import type { KeyHolder, SignInServer } from './sign-in-steps.ts';

/** The origin of the sign-in page, to which the keys are bound. */
export const signInOrigin = 'https://sign-in.countersign.invalid';
/** The setting of a server. */
const connectionsToDatabase = 8;

/** Sign-in with keys, in this process and composed as in a server, with its own database. */
export type SignInSite = Awaited<ReturnType<typeof startSignInSite>>;

/** @param people who are invited and register a key each */
export async function startSignInSite(
  people: number,
  run: Pick<Run, 'started' | 'onProgress'> & { readonly inProcess: Pick<InProcess, 'scratch' | 'logger'> },
) {
  const { logger } = run.inProcess;
  const components = [authenticationMigrations, floorMigrations];
  const site = await startMarketSite({ ...run, components, ownerConnections: 1 });
  const { auditLog, directory, scratch, owner, accessOf, started, stop } = site;
  const terms = await started(termsBehind({ auditLog, connection: scratch.connection }));
  const pool = scratch.pool(authenticationMigrations.name, { maxConnections: connectionsToDatabase });
  const parties = { pool, audit: auditLog, directory, clock: systemClock, random: systemRandom, logger };
  const risk = await started(createRisk({ ...parties, access: accessOf(authenticationMigrations) }));
  const authentication = await started(
    createAuthentication({
      ...parties,
      risk,
      rowSeal: testRowSeal,
      signals: risk,
      config: {
        issuer: signInOrigin,
        environment: 'production',
        methods: ['webauthn'],
        // All people have the same address.
        limits: { perAddress: 1_000_000, perBrowser: 1_000_000 },
      },
    }),
  );
  const app = createHttpServer({ logger, metrics: createMetrics() });
  pageRoutes(app);
  authenticationRoutes(app, { authentication, directory, logger });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  await started({ stop: () => app.close() });

  run.onProgress(`${people} people register their keys`);
  const need = { acrValues: [] };
  const begin = () =>
    authentication.begin({ returnTo: '/authorize/continue', need, clientName: 'Trading desk', address: undefined });
  const server: SignInServer = { name: 'Countersign', url, begin };
  return {
    server,
    authentication,
    auditLog,
    terms,
    people: await registered(authentication, people),
    ledger: signInLedgerStore(owner),
    /** For the floor, on the same PostgreSQL. */
    floorPool: scratch.pool(floorMigrations.name, { maxConnections: connectionsToDatabase }),
    stop,
  };
}

async function registered({ authenticators }: RunningAuthentication, count: number): Promise<readonly KeyHolder[]> {
  const authority = createAttestationAuthority({ clock: systemClock });
  const traders = houses.flatMap((house) => house.traders).slice(0, count);
  if (traders.length < count) throw new Error(`the market has ${traders.length} of ${count} traders`);
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
