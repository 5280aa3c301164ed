import { createHmac, randomBytes } from 'node:crypto';
import type { Decision, LastingToken, TransactionFacts } from '@countersign/contracts';
import { digestOf, type Json, newId, systemClock, systemRandom } from '@countersign/kernel';
import { digestOfIntent, intentOf, parseAuthorizationDetail } from '@countersign/market';
import { createScratchDatabase } from '@countersign/runtime';
import { createPostgresqlTarget, createSecrets, type RunningSecrets, secretsMigrations } from '@countersign/secrets';
import { everybodyIndependent, everyProposerActive } from '@countersign/testkit';
import pg from 'pg';
import { repeated } from '../in-process-work.ts';
import { measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about } from '../starter.ts';
import { cpu, latency, rate, section } from '../table.ts';
import type { InProcessOptions } from './suite.ts';

const operator = '5493001KJTIIGC8Y1R12';
const issuer = 'https://benchmark.countersign.invalid';
const callers = 8;
const holdersOfARole = 1_000;

export interface LeaseResults {
  readonly credentials: readonly Result[];
  readonly orders: readonly Result[];
  /** Leases that are all issued, and then all end at once; seconds. */
  readonly storm: { readonly leases: number; readonly issued: number; readonly removed: number };
}

/**
 * Leases and broker signatures with their records in a real log, and the leased database on the same server. The decision of the
 * policies is not part of it: `decisions` measures it.
 */
export async function measureLeases(options: InProcessOptions): Promise<LeaseResults> {
  const { pace, onProgress } = options;
  const site = await openSite(options);
  onProgress('leases: defining roles');
  const storm = await weatherStorm(site, pace.leases.storm, onProgress);
  const { rounds, seconds } = pace.leases;
  const warmUpSeconds = pace.warmUpSeconds;
  let next = 0;
  const { role, holder } = await site.defineRole(0);
  const credentials = await measureInTurn(
    [
      repeated({
        name: 'a lease: recorded, its credential made, its end recorded, its credential removed',
        callers,
        warmUpSeconds,
        async work() {
          next += 1;
          const by = site.caller(holder(next % holdersOfARole), String(next));
          const { id } = await site.secrets.issue(role, by);
          await site.secrets.end(id, by, () => 'released');
        },
      }),
      repeated({
        name: 'CREATE ROLE and DROP ROLE alone',
        callers,
        warmUpSeconds,
        async work() {
          next += 1;
          const name = `bare_${next}`;
          await site.owner.query(`create role ${name} login password 'x' valid until 'tomorrow'; drop role ${name}`);
        },
      }),
    ],
    { rounds, seconds },
    about('leases', onProgress),
  );
  await site.defineVenueKey();
  const payload = 'symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price=60000';
  const orders = await measureInTurn(
    [
      repeated({
        name: 'an order: held against its intent, recorded, signed',
        callers: 64,
        warmUpSeconds,
        work: () => site.signOrder(),
      }),
      repeated({
        name: 'the HMAC alone',
        callers: 64,
        warmUpSeconds,
        work: async () => createHmac('sha256', 'a-secret-of-the-venue').update(payload).digest('hex'),
      }),
    ],
    { rounds, seconds },
    about('venue orders', onProgress),
  );
  return { credentials, orders, storm };
}

async function weatherStorm(
  site: Awaited<ReturnType<typeof openSite>>,
  leases: number,
  onProgress: (message: string) => void,
): Promise<LeaseResults['storm']> {
  const roles = await Promise.all(
    Array.from({ length: Math.ceil(leases / holdersOfARole) }, (_, index) => site.defineRole(index + 1)),
  );
  const asked = Array.from({ length: leases }, (_, index) => index);
  onProgress(`leases: a storm of ${leases}`);
  const started = performance.now();
  await inTurns(asked, async (index) => {
    const place = roles[Math.floor(index / holdersOfARole)];
    if (place === undefined) throw new Error('a lease of no role');
    await site.secrets.issue(place.role, site.caller(place.holder(index % holdersOfARole)));
  });
  const issued = (performance.now() - started) / 1_000;
  site.advance(3_600_000);
  await site.secrets.lookAtDue();
  const { rows } = await site.owner.query<{ many: number }>(
    "select count(*)::integer as many from pg_roles where starts_with(rolname, 'cs_')",
  );
  if (rows[0]?.many !== 0) throw new Error(`${rows[0]?.many} credentials are left after the storm`);
  return { leases, issued, removed: (performance.now() - started) / 1_000 - issued };
}

async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: callers }, worker));
}

async function openSite({ inProcess, started }: InProcessOptions) {
  const server = inProcess.scratch.connection;
  const scratch = await createScratchDatabase({ server, components: [secretsMigrations] });
  await started({ stop: () => scratch.drop() });
  const owner = new pg.Pool({ ...server, max: callers });
  await started({ stop: () => owner.end() });
  await owner.query('create role benchmark_readers nologin');
  const { user, password, host, port, database } = server;
  const url = `postgres://${user}:${password}@${host}:${port}/${database}`;
  const target = await started(
    createPostgresqlTarget({
      url,
      maxConnections: callers,
      onError: (error) => inProcess.logger.error({ error }, 'a connection broke'),
    }),
  );
  let ahead = 0;
  const clock = { now: () => systemClock.now() + ahead };
  const from = { clock, random: systemRandom };
  const facts = new Map<string, TransactionFacts>();
  const decision: Decision = {
    id: newId('decision', from),
    decision: true,
    policyVersion: 1,
    policyHash: digestOf('policies'),
    determining: ['secret-for-a-holder'],
    ...{ errors: [], reasons: [], obligations: [], entityVersion: 1 },
    inputDigest: digestOf({}),
    inputText: '{}',
    policyRecord: newId('record', from),
  };
  const secrets: RunningSecrets = await started(
    createSecrets({
      pool: scratch.pool('secrets', { maxConnections: 16 }),
      audit: inProcess.auditLog,
      directory: {
        snapshotAtLeast: () => Promise.reject(new Error('nobody of the benchmark leaves')),
      },
      consentStore: { withDescendants: async (id) => [id] },
      policyEngine: { decide: async () => decision },
      transactions: { facts: async (id) => facts.get(id) },
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      targets: new Map([['market-data', target]]),
      exchange: { exchange: () => Promise.reject(new Error('nothing is sent')) },
      notices: { notify: () => Promise.reject(new Error('nothing is notified')) },
      operator,
      sealingKey: { bytes: randomBytes(32) },
      passwordKey: randomBytes(32),
      ...{ issuer, ...from, logger: inProcess.logger },
      environment: 'development',
      installation: { id: 'service:countersign', institution: operator },
      // By hand, so that nothing else runs while it is measured.
      everyMs: 3_600_000,
    }),
  );
  const person = (name: string) => ({ id: `person:${name}`, institution: operator, through: [] });
  const define = async (wanted: Parameters<RunningSecrets['propose']>[0]): Promise<void> => {
    const { id, digest } = await secrets.propose(wanted, 'measured', person('olga.operator'));
    await secrets.approve(id, digest, person('ari.approver'));
  };
  const caller = (id: string, through?: string) => {
    const iat = Math.floor(clock.now() / 1_000);
    const token: LastingToken = {
      ...{ iat, exp: iat + 300, sub: id, client_id: 'bot', lei: operator },
      jti: newId('token', from),
    };
    return {
      id,
      institution: operator,
      client: 'bot',
      through: through === undefined ? [] : [`agent:a${through}`],
      token,
    };
  };
  return {
    secrets,
    owner,
    caller,
    advance(milliseconds: number) {
      ahead += milliseconds;
    },
    async defineRole(number: number) {
      const role = `role-${number}`;
      const holder = (index: number): string => `service:h${number}-${index}`;
      await define({
        ...({ kind: 'role', change: 'define', name: role } as const),
        holders: Array.from({ length: holdersOfARole }, (_, index) => holder(index)),
        role: {
          ...{ database: 'market-data', memberOf: ['benchmark_readers'], ttlSeconds: 3_600, maxTtlSeconds: 3_600 },
          ...{ connections: 2, endsWith: 'holder' },
        },
      });
      return { role, holder };
    },
    defineVenueKey: () =>
      define({
        ...({ kind: 'venue-key', change: 'define', name: 'main', holders: ['service:trader'] } as const),
        value: 'a-secret-of-the-venue',
        venueKey: {
          ...({ venue: 'binance', venueMic: 'VENU', baseUrl: 'https://api.binance.com', algorithm: 'hmac' } as const),
          ...({ apiKey: 'key', institution: operator, accounts: ['ACC-1'], probe: 'waived' } as const),
          symbols: [{ instrument: '4H95J0R2X', currency: 'USD', symbol: 'BTCUSDT' }],
        },
      }),
    async signOrder(): Promise<void> {
      const parsed = parseAuthorizationDetail({
        ...{ type: 'urn:countersign:rar:v1:trade_order', locations: [`${issuer}/venues`], actions: ['create'] },
        ...{ entity_lei: operator, mandate_id: `mnd_${'0'.repeat(25)}1`, idempotency_key: 'order-0001' },
        ...{ not_after: '2099-01-01T00:00:00Z', jurisdiction: 'DE', account: 'ACC-1', venue_mic: 'VENU', side: 'BUY' },
        ...{ instrument: { dti: '4H95J0R2X', cfi: 'TMXXXX' }, max_qty: '0.5', tif: 'GTC', capacity: 'DEAL' },
        ...{ limit_price: { amount: '60000', ccy: 'USD' }, max_notional: { amount: '31000', ccy: 'USD' } },
        ...{ parties: [], client_order_id: 'C-1' },
      });
      if (!parsed.ok) throw new Error(parsed.detail);
      const detail = parsed.value;
      const transaction = newId('transaction', from);
      const intentDigest = digestOfIntent(detail);
      facts.set(transaction, {
        ...{ id: transaction, state: 'submitted', version: 2, intentType: detail.type, intentDigest, approvals: [] },
        ...{
          initiator: 'service:trader',
          initiatorInstitution: operator,
          mandate: { id: `mnd_${'0'.repeat(25)}1`, version: 1 },
        },
        // An intent is plain JSON.
        intent: intentOf(detail) as unknown as Readonly<Record<string, Json>>,
      });
      const by = { ...caller('service:trader'), transaction, intentDigest };
      await secrets.broker.place('main', detail, by, { send: false });
      facts.delete(transaction);
    },
  };
}

export function leasesSections({ credentials, orders, storm }: LeaseResults, _pace: Pace): readonly string[] {
  const columns = (what: string) => [rate(what), ...latency, ...cpu('process CPU µs')];
  const each = (seconds: number): string => `${seconds.toFixed(1)} s (${Math.round(storm.leases / seconds)}/s)`;
  return [
    section(`Leases of PostgreSQL credentials, ${callers} callers`, credentials, columns('leases/s')),
    [
      `A storm of ${storm.leases} leases of as many holders`,
      `  all issued after ${each(storm.issued)}; all ended and removed ${each(storm.removed)} after their common end`,
    ].join('\n'),
    section('Orders signed for a venue, 64 callers', orders, columns('orders/s')),
  ];
}
