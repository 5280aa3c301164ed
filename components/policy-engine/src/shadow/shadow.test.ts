import { createEntitySnapshot, type EntityInput } from '@countersign/cedar';
import { auditLogErrors, type PolicyBundle, type RecordDraft } from '@countersign/contracts';
import { type Digest, newId, systemClock, systemRandom } from '@countersign/kernel';
import { createLogger, createMetrics, type Metrics, type ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadedBundle, loadBundle } from '../bundle/load-bundle.ts';
import { evaluateCompiled, judge } from '../decision/judge.ts';
import type { Question } from '../decision/question.ts';

import { policyEngineMigrations } from '../migrations.ts';
import { createShadow, type Shadow, type ShadowDependencies } from './shadow.ts';

const schema = `
  entity Firm { tier: Long };
  entity Person in [Firm] { firm: Firm };
  entity Order { amount: decimal };
  entity Box;
  action place, look appliesTo { principal: Person, resource: Order, context: { venues: Set<Firm>, limit: Long } };
`;
const text = `
  @id("anybody-places")
  permit (principal, action == Action::"place", resource);
  @id("not-above-limit") @reason("too_much") @detail("The order is too large.")
  forbid (principal, action == Action::"place", resource) when { resource.amount.greaterThan(decimal("100.0")) };
  @id("within-range") @reason("out_of_range") @detail("The limit is out of range.")
  forbid (principal, action == Action::"place", resource) when { context.limit * 2 < 0 };
  @id("first-tier-only") @reason("tier") @detail("Only firms of the first tier.")
  forbid (principal, action == Action::"place", resource)
  unless { principal.firm.tier == 1 && context.venues.contains(Firm::"venue") && Firm::"venue".tier == 1 };
`;
const bundleOf = (policies: string): PolicyBundle => ({
  schema,
  policies: [{ file: 'a.cedar', text: policies }],
  entities: [],
  limits: [],
  rates: {},
  tests: [],
});
const bundle = loadBundle(bundleOf(text));
/** Its text says 100, its closures 1,000: this stands for a compiler defect. */
const wrong: LoadedBundle = { ...bundle, compiled: loadBundle(bundleOf(text.replace('"100.0"', '"1000.0"'))).compiled };

const uid = (type: string, id: string) => ({ type, id });
const entity = (type: string, id: string, attrs: EntityInput['attrs']): EntityInput => ({
  uid: uid(type, id),
  attrs,
  parents: [],
});
const shared = createEntitySnapshot([
  entity('Firm', 'one', { tier: 1 }),
  entity('Firm', 'venue', { tier: 1 }),
  entity('Person', 'anna', { firm: { __entity: uid('Firm', 'one') } }),
]);
const order = (amount: string, change: Partial<Question> = {}): Question => ({
  principal: uid('Person', 'anna'),
  action: 'place',
  resource: uid('Order', 'o-1'),
  context: { limit: 1, venues: [{ __entity: uid('Firm', 'venue') }] },
  local: [entity('Order', 'o-1', { amount: { __extn: { fn: 'decimal', arg: amount } } })],
  shared,
  ...change,
});
const inputDigest = 'x'.repeat(43) as Digest;
const unbounded = Number.POSITIVE_INFINITY;

describe('the shadow check', () => {
  let scratch: ScratchDatabase;
  let metrics: Metrics;
  let records: RecordDraft[];
  let logIsDown: boolean;
  const opened: Shadow[] = [];

  beforeEach(async () => {
    scratch = await createTestDatabase({ components: [policyEngineMigrations] });
    metrics = createMetrics();
    records = [];
    logIsDown = false;
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((shadow) => shadow.stop()));
    await scratch.drop();
  });

  async function open(options: Partial<ShadowDependencies> = {}): Promise<Shadow> {
    const [component] = scratch.components;
    if (component === undefined) throw new Error('no component');
    const { role, schema } = component;
    const shadow = await createShadow({
      pool: scratch.pool('policy-engine'),
      access: { database: scratch.database, role, schema, applicationName: 'policy-engine' },
      audit: {
        async append(record) {
          if (logIsDown) throw auditLogErrors.error('log_unavailable', 'down');
          records.push(record);
          return { id: record.id, index: BigInt(records.length), time: '2026-11-21T00:00:00.000Z' };
        },
      },
      clock: systemClock,
      random: systemRandom,
      logger: createLogger({ level: 'silent', name: 'test' }),
      metrics,
      maxPerSecond: unbounded,
      ...options,
    });
    opened.push(shadow);
    return shadow;
  }

  /** Decides as the engine does, and offers the decision to the shadow check. */
  function decide(shadow: Shadow, by: LoadedBundle, question: Question, version = 7) {
    const verdict = judge(by, question, shadow.evaluatorFor(by));
    const id = newId('decision', { clock: systemClock, random: systemRandom });
    shadow.offer({ version, bundle: by }, question, { ...verdict, id, inputDigest });
    return { ...verdict, id };
  }

  async function counted(outcome: string): Promise<number> {
    const found = await metrics.registry.getSingleMetric('countersign_policy_shadow_total')?.get();
    return found?.values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
  }

  /** Offers decisions until `more` have had this outcome. */
  async function offerUntil(outcome: string, more: number, offer: () => unknown): Promise<void> {
    const target = (await counted(outcome)) + more;
    await expect
      .poll(
        async () => {
          offer();
          return counted(outcome);
        },
        { timeout: 60_000, interval: 10 },
      )
      .toBeGreaterThanOrEqual(target);
  }

  it.each([
    ['a permit', order('10.0'), true],
    ['a deny by a forbid', order('500.0'), false],
    ['a question that the schema does not foresee', order('10.0', { resource: uid('Box', 'b') }), false],
    ['an unknown action', order('10.0', { action: 'look' }), false],
    ['an unknown principal', order('10.0', { principal: uid('Person', 'nobody') }), false],
  ])('agrees with the compiled policies on %s', async (_, question, permitted) => {
    const shadow = await open();
    await offerUntil('agreed', 2, () => expect(decide(shadow, bundle, question).decision).toBe(permitted));
    expect(await counted('diverged')).toBe(0);
    expect(await counted('failed')).toBe(0);
    expect(shadow.evaluatorFor(bundle)).toBe(evaluateCompiled);
    expect(records).toEqual([]);
  });

  it('lets an erroring forbid deny in the reference engine too', async () => {
    const shadow = await open();
    const overflowing = order('10.0', {
      context: { ...order('1.0').context, limit: { __extn: { fn: 'decimal', arg: '1.0' } } },
    });
    await offerUntil('agreed', 1, () =>
      expect(decide(shadow, bundle, overflowing)).toMatchObject({ decision: false, determining: ['within-range'] }),
    );
    expect(await counted('diverged')).toBe(0);
  });

  it('detects wrongly compiled policies, and decides by the reference engine from then on', async () => {
    const shadow = await open();
    const first = decide(shadow, wrong, order('500.0'));
    expect(first.decision).toBe(true);
    await expect.poll(() => decide(shadow, wrong, order('500.0')).decision, { timeout: 60_000 }).toBe(false);
    expect(decide(shadow, wrong, order('500.0'))).toMatchObject({
      determining: ['not-above-limit'],
      reasons: [{ code: 'too_much' }],
    });
    expect(decide(shadow, wrong, order('10.0')).decision).toBe(true);
    await expect.poll(() => records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      type: 'policy.diverged',
      source: 'policy-engine',
      policy: { version: 7, hash: bundle.hash },
      data: {
        version: 7,
        hash: bundle.hash,
        decision_id: first.id,
        input_digest: inputDigest,
        compiled: { decision: true, determining: ['anybody-places'], errors: [] },
        reference: { decision: false, determining: ['not-above-limit'], errors: [] },
      },
    });
    expect(await metrics.registry.metrics()).toContain('countersign_policy_reference_engine_decides 1');
  });

  it('trusts the compiled policies of another bundle again', async () => {
    const shadow = await open();
    await expect.poll(() => decide(shadow, wrong, order('500.0')).decision, { timeout: 60_000 }).toBe(false);
    const next = loadBundle(bundleOf(text.replace('"100.0"', '"200.0"')));
    expect(shadow.evaluatorFor(next)).toBe(evaluateCompiled);
    await offerUntil('agreed', 2, () => decide(shadow, next, order('500.0'), 8));
  });

  it('informs the other nodes, also those that start later', async () => {
    const here = await open();
    // A shadow that cannot detect the defect itself.
    const idle = { thread: code('setInterval(() => undefined, 1000)'), pollMs: 60_000 };
    const there = await open({ ...idle, metrics: createMetrics() });
    expect(there.evaluatorFor(wrong)).toBe(evaluateCompiled);
    await expect.poll(() => decide(here, wrong, order('500.0')).decision, { timeout: 60_000 }).toBe(false);
    await expect.poll(() => decide(there, wrong, order('500.0')).decision, { timeout: 60_000 }).toBe(false);
    const later = await open({ ...idle, metrics: createMetrics() });
    expect(decide(later, wrong, order('500.0')).decision).toBe(false);
  });

  it('falls back although the log is down, and writes the record once it is back', async () => {
    const shadow = await open();
    logIsDown = true;
    await expect.poll(() => decide(shadow, wrong, order('500.0')).decision, { timeout: 60_000 }).toBe(false);
    expect(records).toEqual([]);
    logIsDown = false;
    await expect.poll(() => records.map(({ type }) => type), { timeout: 60_000 }).toEqual(['policy.diverged']);
  });

  it('keeps bundles apart that decide alternately', async () => {
    const shadow = await open();
    const other = loadBundle(bundleOf(text.replace('"100.0"', '"5.0"')));
    await offerUntil('agreed', 6, () => {
      decide(shadow, bundle, order('10.0'), 7);
      decide(shadow, other, order('10.0'), 8);
    });
    expect(await counted('diverged')).toBe(0);
  });

  it('keeps using the compiled policies while its thread is down, and restarts it', async () => {
    const shadow = await open({ thread: code('import "node:worker_threads"; throw new Error("broken")'), restMs: 1 });
    await offerUntil('failed', 3, () => decide(shadow, bundle, order('10.0')));
    expect(shadow.evaluatorFor(bundle)).toBe(evaluateCompiled);
    expect(records).toEqual([]);
  });

  it('stops a thread that does not answer', async () => {
    const shadow = await open({ thread: code('setInterval(() => undefined, 1000)'), restMs: 1, answerWithinMs: 20 });
    await offerUntil('failed', 2, () => decide(shadow, bundle, order('10.0')));
    expect(shadow.evaluatorFor(bundle)).toBe(evaluateCompiled);
  });

  it('drops comparisons that a slow thread cannot take', async () => {
    const shadow = await open({ thread: code('setInterval(() => undefined, 1000)') });
    await offerUntil('dropped', 1, () => decide(shadow, bundle, order('10.0')));
    expect(await counted('failed')).toBe(0);
  });

  it('compares no more often than allowed', async () => {
    const shadow = await open({ maxPerSecond: 1 / 3600 });
    await offerUntil('agreed', 1, () => decide(shadow, bundle, order('10.0')));
    for (let more = 0; more < 1000; more++) decide(shadow, bundle, order('10.0'));
    await shadow.stop();
    expect(await counted('agreed')).toBe(1);
    expect(await counted('dropped')).toBe(0);
  });
});

/** A thread with this source. */
function code(source: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}
