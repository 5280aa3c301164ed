import { randomBytes } from 'node:crypto';
import type {
  ConfiguredExchange,
  Decision,
  DecisionInput,
  LastingToken,
  RecordDraft,
  Requester,
  RevocationTarget,
  SecretProposal,
  TransactionFacts,
} from '@countersign/contracts';
import { digestOf, newId, systemRandom, type TransactionId } from '@countersign/kernel';
import { revocationKey } from '@countersign/oauth';
import { createLogger } from '@countersign/runtime';
import {
  createMemoryLog,
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  fixedClock,
} from '@countersign/testkit';
import pg from 'pg';
import type { SecretsDependencies, TokenHolder } from '../dependencies.ts';
import {
  createPostgresqlTarget,
  createSecrets,
  type LeaseTarget,
  type RunningSecrets,
  secretsMigrations,
} from '../index.ts';
import { usernamePrefix } from '../lease-state.ts';
import type { Wanted } from '../secrets.ts';

export const operator = '5493001KJTIIGC8Y1R12';
export const firm = '529900BROKEREXAMPL12';

const person = (name: string): Required<Requester> => ({
  ...{ id: `person:${name}`, institution: operator },
  through: [],
});
export const olga = person('olga.operator');
export const ari = person('ari.approver');
export const installation = { id: 'service:countersign', institution: operator };

/** A database with an account that may lease credentials, and a table that the leased role may read. */
async function createLeasedDatabase(issuer: string) {
  const scratch = await createTestDatabase();
  const id = randomBytes(4).toString('hex');
  const admin = `leaser_${id}`;
  const readers = `readers_${id}`;
  const owner = new pg.Pool({ ...scratch.connection, max: 4 });
  owner.on('error', () => undefined);
  await owner.query(`create role ${readers} nologin`);
  await owner.query(`create role ${admin} login createrole password 'leaser'`);
  await owner.query(`grant ${readers} to ${admin} with admin option`);
  await owner.query("create table quotes (symbol text); insert into quotes values ('BTCUSDT')");
  await owner.query(`grant select on quotes to ${readers}`);
  const { host, port, database } = scratch.connection;
  const url = `postgres://${admin}:leaser@${host}:${port}/${database}`;
  return {
    ...{ owner, readers, url, database },
    /** Connects as a leased credential. */
    async connect({
      username,
      password,
    }: {
      readonly username: string;
      readonly password: string;
    }): Promise<pg.Client> {
      const client = new pg.Client({ host, port, database, user: username, password });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    /** Runs a statement as superuser, about the account that creates the credentials. */
    async asOwner(statement: (leaser: string) => string): Promise<void> {
      await owner.query(statement(admin));
    },
    /** Runs a statement as the account that creates the credentials. */
    async asLeaser(statement: string): Promise<void> {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(statement);
      await client.end();
    },
    /** Credentials of this world; the server also has those of others. */
    async roles(prefix = usernamePrefix(issuer)): Promise<readonly string[]> {
      const { rows } = await owner.query<{ rolname: string }>(
        'select rolname from pg_roles where starts_with(rolname, $1) order by rolname',
        [prefix],
      );
      return rows.map(({ rolname }) => rolname);
    },
    async validUntil(username: string): Promise<number | undefined> {
      const { rows } = await owner.query<{ rolvaliduntil: Date | null }>(
        'select rolvaliduntil from pg_roles where rolname = $1',
        [username],
      );
      return rows[0]?.rolvaliduntil?.getTime();
    },
    async drop() {
      await owner.end();
      await scratch.drop();
    },
  };
}

/**
 * The component on a database of its own, over an in-memory log that the test can make fail, and a database to lease.
 */
export async function createSecretsWorld() {
  const scratch = await createTestDatabase({ components: [secretsMigrations] });
  const issuer = `https://${randomBytes(6).toString('hex')}.example`;
  const leased = await createLeasedDatabase(issuer);
  const clock = fixedClock(Math.floor(Date.now() / 1_000) * 1_000);
  const random = systemRandom;
  const logger = createLogger({ level: 'silent', name: 'test' });
  const log = createMemoryLog(clock, { anyReferences: true });
  const keys = { sealingKey: { bytes: randomBytes(32) }, passwordKey: randomBytes(32) };
  const asked: DecisionInput[] = [];
  const denying = new Map<string, { readonly code: string; readonly detail: string }>();
  const facts = new Map<string, TransactionFacts>();
  const sent: { readonly url: string; readonly message: Parameters<ConfiguredExchange['exchange']>[1] }[] = [];
  const notified: Parameters<SecretsDependencies['notices']['notify']>[0][] = [];
  const nodes: RunningSecrets[] = [];
  const targets: LeaseTarget[] = [];
  let isFatal: ((draft: RecordDraft) => boolean) | undefined;
  let answer: (
    url: string,
    message: Parameters<ConfiguredExchange['exchange']>[1],
  ) => ReturnType<ConfiguredExchange['exchange']> = async () => ({
    status: 200,
    contentType: 'application/json',
    body: Buffer.from('{}'),
  });
  let count = 0;

  async function decide(input: DecisionInput): Promise<Decision> {
    asked.push(input);
    const reason = denying.get(input.principal);
    return {
      id: newId('decision', { clock, random }),
      decision: reason === undefined,
      policyVersion: 1,
      policyHash: digestOf('policies'),
      determining: ['secret-for-a-holder'],
      errors: [],
      reasons: reason === undefined ? [] : [reason],
      obligations: [],
      entityVersion: 1,
      inputDigest: digestOf('input'),
      inputText: '{}',
      policyRecord: newId('record', { clock, random }),
    };
  }

  function node(changes: Partial<SecretsDependencies> = {}): RunningSecrets {
    const target = createPostgresqlTarget({ url: leased.url, onError: () => undefined });
    targets.push(target);
    const one = createSecrets({
      pool: scratch.pool('secrets'),
      audit: {
        ...log,
        async append(draft) {
          const appended = await log.append(draft);
          if (isFatal?.(draft) !== true) return appended;
          isFatal = undefined;
          throw new Error('the process died');
        },
      },
      // These tests remove no one from the directory.
      directory: { snapshotAtLeast: async () => ({ principals: () => [], institution: () => undefined }) as never },
      consentStore: { withDescendants: async (id) => [id] },
      policyEngine: { decide },
      transactions: { facts: async (id) => facts.get(id) },
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      targets: new Map([['market-data', target]]),
      exchange: {
        exchange(url, message) {
          sent.push({ url, message });
          return answer(url, message);
        },
      },
      notices: { notify: async (notice) => void notified.push(notice) },
      operator,
      ...keys,
      ...{ issuer, clock, random, logger, installation },
      environment: 'development',
      everyMs: 3_600_000,
      ...changes,
    });
    nodes.push(one);
    return one;
  }

  return {
    ...{ notified, scratch, leased, clock, log, asked, denying, facts, sent, node, issuer },
    /** Makes the process die after the next record that matches. */
    dieAfter(is: (draft: RecordDraft) => boolean) {
      isFatal = is;
    },
    answerWith(next: typeof answer) {
      answer = next;
    },
    records: (type: RecordDraft['type']) => log.ofType(type),
    /** A caller with a token of its own. */
    caller(id: string, more: Partial<TokenHolder> & { readonly mandate?: LastingToken['mandate'] } = {}): TokenHolder {
      const { institution = operator, client = 'bot', mandate, ...others } = more;
      const now = Math.floor(clock.now() / 1_000);
      return {
        ...{ id, institution, client, through: [] },
        token: {
          ...{ iat: now, exp: now + 300, sub: id, client_id: client, lei: institution },
          jti: newId('token', { clock, random }),
          ...(mandate === undefined ? {} : { mandate }),
        },
        ...others,
      };
    },
    /** Two people define a role, a secret or a venue key. */
    async define(secrets: RunningSecrets, wanted: Wanted): Promise<SecretProposal> {
      const { id, digest } = await secrets.propose(wanted, 'needed', olga);
      return secrets.approve(id, digest, ari);
    },
    roleFor: (holders: readonly string[], changes: object = {}, name = `quotes-${++count}`) =>
      ({
        ...({ kind: 'role', change: 'define' } as const),
        ...{ name, holders },
        role: {
          database: 'market-data',
          memberOf: [leased.readers],
          ttlSeconds: 600,
          maxTtlSeconds: 1_800,
          connections: 3,
          endsWith: 'holder',
          ...changes,
        },
      }) as const,
    async revoke({ kind, id }: RevocationTarget) {
      await log.append({
        id: newId('record', { clock, random }),
        source: 'authorization-server',
        type: 'token.revoked',
        outcome: 'done',
        actors: [{ id: olga.id, institution: operator }],
        data: { kind, id, key: revocationKey({ kind, id }), reason: 'A test' },
      });
    },
    transaction: (): TransactionId => newId('transaction', { clock, random }),
    async close() {
      await Promise.all(nodes.map((one) => one.stop()));
      await Promise.all(targets.map((target) => target.stop()));
      await leased.drop();
      await scratch.drop();
    },
  };
}
export type SecretsWorld = Awaited<ReturnType<typeof createSecretsWorld>>;
