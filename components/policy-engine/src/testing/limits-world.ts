import type {
  DirectorySnapshot,
  PrincipalId,
  Rate,
  TransactionFacts,
  TransactionRegistry,
} from '@countersign/contracts';
import {
  type DecimalString,
  type Digest,
  type Json,
  newId,
  systemRandom,
  type TransactionId,
  toInstant,
} from '@countersign/kernel';
import type { Currency, Lei } from '@countersign/market';
import { createLogger, type Logger } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, type FixedClock, fixedClock, testRowSeal } from '@countersign/testkit';
import { broker, clearer, examples, firm } from '../../../../protocols/market/src/testing/example-details.ts';
import { readLimits } from '../bundle/limit-definitions.ts';
import { createLimits, type LimitsComponent } from '../limits/limits.ts';
import { policyEngineMigrations } from '../migrations.ts';
import { desk } from './desk.ts';

export interface OrderOptions {
  readonly id?: TransactionId;
  readonly notional?: string;
  readonly ccy?: string;
  readonly qty?: string;
  readonly initiator?: string;
  readonly entity?: string;
  readonly instrument?: Readonly<Record<string, string>>;
  readonly parties?: readonly { readonly role: string; readonly lei: string }[];
  readonly approvals?: TransactionFacts['approvals'];
}

/** The facts of an order by a trader of the broker for the firm, as the registry reports them. */
export function orderFacts(options: OrderOptions = {}): TransactionFacts {
  const { actions: _actions, locations: _locations, ...order } = examples.trade_order;
  return {
    id: options.id ?? newTransactionId(),
    state: 'intended',
    version: 0,
    intentType: order.type,
    intent: {
      ...order,
      entity_lei: options.entity ?? firm,
      max_notional: { amount: options.notional ?? '100', ccy: options.ccy ?? 'EUR' },
      max_qty: options.qty ?? '10',
      limit_price: { amount: '1', ccy: options.ccy ?? 'EUR' },
      instrument: { ...(options.instrument ?? order.instrument) },
      parties: (options.parties ?? order.parties).map((party) => ({ ...party })),
    },
    intentDigest: 'x'.repeat(43) as Digest,
    initiator: options.initiator ?? 'person:tess',
    initiatorInstitution: broker,
    mandate: { id: order.mandate_id, version: 1 },
    approvals: options.approvals ?? [],
  };
}

export function newTransactionId(): TransactionId {
  return newId('transaction', { clock: { now: () => Date.now() }, random: systemRandom });
}

/** Tess and Tom trade at the broker's rates desk; Otto has no desk. */
export const dealers: Pick<DirectorySnapshot, 'principal'> = {
  principal(id) {
    if (!['person:tess', 'person:tom', 'person:otto'].includes(id)) return undefined;
    return {
      kind: 'person',
      id: id as PrincipalId,
      institution: broker as Lei,
      ...(id === 'person:otto' ? {} : { desk: 'rates' }),
      roles: ['trader'],
      credentials: [],
    };
  },
};
/** As reference data has just recorded it. */
function rateOf(id: string, rate: string | undefined, now: number): Rate | undefined {
  const [currency, base] = id.split('/') as [Currency, Currency];
  return rate === undefined
    ? undefined
    : {
        id,
        currency,
        base,
        rate: rate as DecimalString,
        anchor: rate as DecimalString,
        source: 'test',
        asOf: toInstant(now),
      };
}

export { broker, clearer, firm };

/** The outcome of an order, or how to look it up. */
export type Outcome = boolean | undefined | Error | (() => Promise<boolean>);

/** Limits on a database of their own; the test sets the outcome of each order. */
export async function createLimitsWorld(
  definitions: readonly Json[],
  rates: Readonly<Record<string, string>> = {},
  logger: Logger = createLogger({ level: 'silent', name: 'test' }),
) {
  const scratch = await createTestDatabase({ components: [policyEngineMigrations] });
  const clock: FixedClock = fixedClock(Date.parse('2026-06-15T10:00:00Z'));
  const audit = createMemoryLog(clock);
  const orders = new Map<string, Outcome>();
  const transactions: Pick<TransactionRegistry, 'countsAgainstLimits'> = {
    async countsAgainstLimits(id) {
      const outcome = orders.get(id);
      if (outcome instanceof Error) throw outcome;
      return typeof outcome === 'function' ? outcome() : outcome;
    },
  };
  const started: LimitsComponent[] = [];

  /** A node with its own connections and timers. */
  function node(changes: { readonly definitions?: readonly Json[]; readonly pool?: 'small' } = {}): LimitsComponent {
    const read = readLimits({ limits: changes.definitions ?? definitions, rates: {} });
    if (read.problems.length > 0) throw new Error(read.problems.join('; '));
    const limits = createLimits({
      pool: scratch.pool('policy-engine', { maxConnections: changes.pool === 'small' ? 2 : 10 }),
      current: () => ({ limits: read.definitions }),
      directory: { snapshot: () => ({ ...desk, ...dealers, rate: (id) => rateOf(id, rates[id], clock.now()) }) },
      transactions,
      audit,
      rowSeal: testRowSeal,
      clock,
      random: systemRandom,
      logger,
    });
    started.push(limits);
    return limits;
  }

  return {
    scratch,
    clock,
    audit,
    orders,
    node,
    async close() {
      await Promise.all(started.map((limits) => limits.stop()));
      await scratch.drop();
    },
  };
}
export type LimitsWorld = Awaited<ReturnType<typeof createLimitsWorld>>;
