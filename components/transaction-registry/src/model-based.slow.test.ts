import type { TransactionEvent, TransactionState, TransitionReceipt } from '@countersign/contracts';
import { isCodedError, type TransactionId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor, broker, custodian, fundSignatory, venue } from '../../consent-store/src/testing/firms.ts';
import { type LifeCycle, lifeCycleOfType, stateRuleOf } from './life-cycles/index.ts';
import { createLivesWorld, type Kind, type LivesWorld, riskOfficer } from './testing/lives-world.ts';
import { goodBody } from './testing/trading-world.ts';

let world: LivesWorld;
let nodes: readonly LivesWorld['registry'][];
let trade: TransactionId;
let admin: ReturnType<LivesWorld['scratch']['pool']>;
beforeAll(async () => {
  world = await createLivesWorld();
  nodes = [world.registry, world.registryWith()];
  admin = world.scratch.pool('transaction-registry', { maxConnections: 1 });
  // The receiver of settlements is in the address book, and all settle small parts of one trade.
  await world.begin('settlement_instruction');
  trade = await world.executedOrder();
});
afterAll(() => world.close());

type Reporter = readonly [event: TransactionEvent, institution: Lei, body?: Readonly<Record<string, unknown>>];
/** Life cycles whose steps need no people, with the reporter of each step. */
const lives: readonly (readonly [Kind, readonly Reporter[]])[] = [
  [
    'trade_order',
    [
      ['submit', broker],
      ['acknowledge', venue],
      ['execute', venue, goodBody.execute],
      ['clear', broker, goodBody.clear],
      ['settle', custodian, goodBody.settle],
      ['cancel', broker],
      ['reject', venue],
    ],
  ],
  [
    'settlement_instruction',
    [
      ['instruct', broker],
      ['affirm', custodian],
      ['release', broker],
      ['settle', custodian],
      ['fail', custodian],
      ['cancel', broker],
    ],
  ],
  [
    'regulatory_report',
    [
      ['submit', broker],
      ['accept', venue],
      ['reject', venue],
      ['correct', broker],
      ['cancel', broker],
    ],
  ],
];
const orderParties = [
  { role: 'ExecutingBroker', lei: broker },
  { role: 'ExecutionFacility', lei: venue },
  { role: 'ClearingFirm', lei: broker },
  { role: 'Custodian', lei: custodian },
];

/** What happens in a round; the steps of one round are requested concurrently on two nodes. */
/** One request: by any reporter or, with `fit`, by one whose step comes next. */
interface Ask {
  readonly pick: number;
  readonly fit: boolean;
  readonly key: number;
  readonly node: boolean;
}
type Round =
  | {
      readonly kind: 'steps';
      readonly steps: readonly Ask[];
    }
  /** The mandate is suspended, steps are requested, and the mandate is resumed. */
  | { readonly kind: 'lapse'; readonly steps: readonly Ask[] }
  | { readonly kind: 'suspend' | 'resume' | 'sweep' | 'resolve' | 'broken-log' | 'killed' }
  | { readonly kind: 'clock'; readonly minutes: number };

const step: fc.Arbitrary<Ask> = fc.record({
  pick: fc.nat(6),
  fit: fc.boolean(),
  key: fc.nat(3),
  node: fc.boolean(),
});
const round: fc.Arbitrary<Round> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.array(step, { minLength: 1, maxLength: 5 }).map((steps) => ({ kind: 'steps' as const, steps })),
  },
  {
    weight: 3,
    arbitrary: fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => ({
      kind: 'lapse' as const,
      steps: steps.map((asked) => ({ ...asked, fit: true })),
    })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'suspend' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'resume' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'resolve' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'sweep' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'broken-log' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'killed' as const }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 1200 }).map((minutes) => ({ kind: 'clock' as const, minutes })) },
);

/** The reference model: the transaction's state from the requests alone. */
interface Model {
  state: TransactionState;
  version: number;
  mandateInForce: boolean;
  /** By institution and key: the first receipt. */
  readonly receipts: Map<string, TransitionReceipt>;
}

describe('a transaction, compared with a model of it', () => {
  it.each(lives)(
    '%s: nothing happens twice, nothing is lost, and nothing happens without authority, whatever is requested concurrently',
    async (kind, reporters) => {
      await fc.assert(
        fc.asyncProperty(fc.nat(3), fc.array(round, { minLength: 3, maxLength: 12 }), async (ahead, rounds) => {
          await live(kind, reporters, ahead, rounds);
        }),
        { numRuns: 25 },
      );
    },
    120_000,
  );
});

/** @param ahead how many listed steps it has taken before */
async function live(
  kind: Kind,
  reporters: readonly Reporter[],
  ahead: number,
  rounds: readonly Round[],
): Promise<void> {
  const notAfter = new Date(world.clock.now() + 30 * 86_400_000).toISOString();
  const opened = await world.begin(kind, {
    not_after: notAfter,
    ...(kind === 'trade_order' ? { ...tradeTerms, parties: orderParties } : {}),
    ...(kind === 'settlement_instruction' ? { trade_id: trade, amount: '100' } : {}),
  });
  const { id, root } = opened;
  const facts = await world.registry.facts(id);
  if (facts === undefined) throw new Error('what was opened is not found');
  const cycle = lifeCycleOfType(facts.intentType as LifeCycle['intentType']);
  const model: Model = { state: 'intended', version: 0, mandateInForce: true, receipts: new Map() };

  function reporterOf({ pick, fit }: Ask): Reporter {
    const next = reporters.filter(([event]) => cycle.rules[event]?.from.includes(model.state));
    const choice = fit && next.length > 0 ? next : reporters;
    const reporter = choice[pick % choice.length];
    if (reporter === undefined) throw new Error('nobody reports');
    return reporter;
  }
  const nameOf = ([event, institution]: Reporter, { key }: Ask) => `${institution} ${event}-${key}`;

  async function ask(asked: Ask) {
    const { key, node } = asked;
    const reporter = reporterOf(asked);
    const [event, institution, body = {}] = reporter;
    const name = nameOf(reporter, asked);
    const receipt = await (nodes[node ? 1 : 0] ?? world.registry).transition({
      transaction: id,
      event,
      idempotencyKey: `${event}-${key}-of-the-model`,
      body,
      by: { id: 'service:reporter', institution, client: 'reporter' },
    });
    return { name, event, receipt };
  }

  for (let pick = 0; pick < ahead; pick += 1) await takeSteps([{ pick, fit: false, key: 50, node: false }]);
  for (const happening of rounds) {
    switch (happening.kind) {
      case 'clock':
        world.clock.advance(happening.minutes * 60_000);
        break;
      case 'suspend':
      case 'resume':
        await become(happening.kind);
        break;
      case 'lapse':
        await become('suspend');
        await takeSteps(happening.steps);
        await become('resume');
        break;
      case 'sweep':
        await Promise.all(nodes.map((node) => node.sweep()));
        break;
      case 'resolve':
        for (const exception of await world.registry.exceptions({ transaction: id, status: 'open' }))
          await world.registry
            .resolveException(
              exception.id,
              { kind: exception.cause === 'partner-timeout' ? 'accepted' : 'restored', reason: 'The model' },
              actor(riskOfficer),
            )
            .catch(expectRefusal);
        break;
      case 'broken-log': {
        world.audit.breakDown('writing');
        const attempts = await Promise.allSettled(
          reporters.map((_, pick) => ask({ pick, fit: false, key: 90 + model.version, node: false })),
        );
        world.audit.repair();
        expect(attempts.filter(({ status }) => status === 'fulfilled')).toEqual([]);
        break;
      }
      case 'killed': {
        world.audit.afterNextAppend(async () => {
          await admin.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
          );
        });
        // Every record from here on loses its process before it is stored; a repeated request finds it done, on the other node
        // as well.
        const asked = { pick: model.version, fit: true, key: 80, node: false };
        await ask(asked).then(
          () => expect.unreachable('a step was told of whose process had died'),
          () => undefined,
        );
        await takeSteps([{ ...asked, node: true }]);
        break;
      }
      case 'steps':
        await takeSteps(happening.steps);
    }
    await compare();
  }

  /** Only suspension and resumption; mandates have a model test of their own. */
  async function become(change: 'suspend' | 'resume'): Promise<void> {
    if ((change === 'suspend') !== model.mandateInForce) return;
    await world.consentStore[change](root.id, actor(fundSignatory), 'The model');
    model.mandateInForce = change === 'resume';
  }

  async function takeSteps(steps: readonly Ask[]): Promise<void> {
    const open = await world.registry.exceptions({ transaction: id, status: 'open' });
    const repeated = steps.map((asked) => model.receipts.has(nameOf(reporterOf(asked), asked)));
    const attempts = await Promise.allSettled(steps.map(ask));
    const done = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    attempts.forEach((attempt, index) => {
      if (attempt.status === 'fulfilled') return;
      expectRefusal(attempt.reason);
      // A completed step gives the same answer to every repetition, unless a process dies over it.
      if (repeated[index] === true) expect(attempt.reason).toMatchObject({ code: 'database_unavailable' });
    });
    for (const { name, event, receipt } of done.sort(byVersion)) {
      const earlier = model.receipts.get(name);
      if (earlier !== undefined) {
        expect(receipt).toMatchObject({ recordId: earlier.recordId, replayed: true });
        continue;
      }
      model.receipts.set(name, receipt);
      const rule = cycle.rules[event];
      // The rule permits the step from the model's state, and leads to the reached state.
      expect(rule?.from).toContain(model.state);
      expect(receipt).toMatchObject({ state: rule?.to, version: model.version + 1 });
      expect(model.mandateInForce || rule?.mandates.length === 0).toBe(true);
      const awaited = stateRuleOf(cycle, model.state).awaits?.events.includes(event) === true;
      const free = open.every(({ cause }) => (cause === 'partner-timeout' && awaited) || event === 'cancel');
      expect(free).toBe(true);
      model.state = receipt.state;
      model.version = receipt.version;
    }
  }

  /** Compares what is stored, recorded and counted with the model. */
  async function compare(): Promise<void> {
    const now = await world.registry.facts(id);
    expect(now).toMatchObject({ state: model.state, version: model.version });
    const history = await world.registry.history(id);
    expect(history.map(({ version }) => version)).toEqual(
      Array.from({ length: model.version }, (_, index) => index + 1),
    );
    const told = [...model.receipts.values()].sort((one, other) => one.version - other.version);
    expect(history.map(({ recordId }) => recordId)).toEqual(told.map(({ recordId }) => recordId));
    // One record for each step, whichever process died over it.
    const recorded = world.recordsOf(id).filter(({ type }) => type === 'transaction.transitioned');
    expect(recorded.map((record) => record.id)).toEqual(history.map(({ recordId }) => recordId));
    expect(await world.registry.countsAgainstLimits(id)).toBe(stateRuleOf(cycle, model.state).counts === true);
  }
}

const tradeTerms = {
  account: 'FUND-1',
  instrument: { isin: 'DE0007164600', cfi: 'ESVUFR' },
  venue_mic: 'XETR',
  side: 'BUY',
  max_qty: '1000',
  limit_price: { amount: '120', ccy: 'EUR' },
  max_notional: { amount: '120000', ccy: 'EUR' },
  algo: undefined,
};

/** In the order in which they happened; for a repeated request, its first answer. */
function byVersion(one: { readonly receipt: TransitionReceipt }, other: { readonly receipt: TransitionReceipt }) {
  return one.receipt.version - other.receipt.version || Number(one.receipt.replayed) - Number(other.receipt.replayed);
}

/** A refusal with a documented code, not an internal error. */
function expectRefusal(error: unknown): void {
  if (!isCodedError(error)) throw error;
  expect(error.code).not.toBe('internal_error');
}
