import type { TransactionId } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../index.ts';
import { own, transactionOf } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';
import { authzenRoutes } from './http.ts';
import { asEnforcementPoint } from './testing/enforcement-point.ts';

/** Permits orders within limits; `fallible` fails for a token with a long acting chain. */
const policies = `
@id("orders") permit (principal, action == Action::"order:create", resource);
@id("fallible") permit (principal, action == Action::"order:create", resource)
when { context.claimedSignals.contains("overflow") && resource.mandate.version * 9007199254740991 * 2048 > 0 };
@id("no-steps") forbid (principal, action == Action::"trade:affirm", resource);`;
const limits = [
  { id: 'per-order', measure: 'notional', per: ['trader'], window: 'order', max: '1000', unit: 'EUR' },
  {
    id: 'per-day',
    measure: 'notional',
    per: ['trader'],
    window: { rolling_seconds: 86_400 },
    max: '1500',
    unit: 'EUR',
    overridable_by: 'risk',
  },
];
const order = (amount: string, ccy = 'EUR', id = 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3') =>
  transactionOf('trade_order', {
    id: id as TransactionId,
    drop: ['algo'],
    set: { max_notional: { amount, ccy }, limit_price: { amount: '1', ccy } },
  });

let rig: EngineRig;
let engine: RunningPolicyEngine;
beforeAll(async () => {
  rig = await createEngineRig({ policies, limits });
  engine = await rig.start();
});
afterAll(() => rig.close());
beforeEach(() => rig.transactions.clear());

interface Asked {
  readonly facts?: ReturnType<typeof order>;
  readonly subject?: string;
  readonly action?: string;
  readonly overflow?: boolean;
  readonly scope?: readonly string[];
  readonly by?: RunningPolicyEngine;
}

const administrator = ['decision:evaluate', 'policy:read'];

/** The context of the answer to a question about an order. */
async function answered({
  facts = order('900'),
  subject = 'person:own',
  action = 'order:create',
  overflow = false,
  scope = administrator,
  by = engine,
}: Asked) {
  rig.transactions.set(facts.id, { facts, parties: [own] });
  const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  authzenRoutes(app, { policyEngine: by, guard: createOpenGuard(), baseUrl: 'https://countersign.example' });
  const answer = await app.inject({
    method: 'POST',
    url: '/access/v1/evaluation',
    headers: asEnforcementPoint(scope, own),
    payload: {
      subject: { type: 'person', id: subject },
      action: { name: action },
      resource: { type: 'transaction', id: facts.id },
      context: { record: true, ...(overflow && { signals: ['overflow'] }) },
    },
  });
  await app.close();
  const { decision, context } = answer.json();
  return { decision, ...context };
}

describe('an administrator sees why a request was denied', () => {
  it('by a limit: which limit and how much of it is used, and not that no policy permits it', async () => {
    const held = order('1000', 'EUR', 'txn_01k9z3m8q4d6s0v2x5y7a9b1c9');
    await engine.limits.reserve({ reservation: held.id, facts: held, at: rig.clock.now() });
    const { decision, reason_admin } = await answered({ facts: order('1200') });
    await engine.limits.release(held.id);
    expect([decision, reason_admin[403]]).toEqual([
      false,
      'Policy version 1: the policies permit it, limits do not (limit_exceeded, limit_exceeded). ' +
        'per-day (trader=person:own, PT86400S): 1000 of 1500 EUR used, 500 left, 1200 asked for. ' +
        'per-order (trader=person:own, order): 0 of 1000 EUR used, 1000 left, 1200 asked for.',
    ]);
  });

  it('by a limit that cannot count the order: why not', async () => {
    const { reason_admin } = await answered({ facts: order('1', 'CHF') });
    expect(reason_admin[403]).toMatch(
      /^Policy version 1: the policies permit it, limits do not \(limit_currency\)\. The limit per-order .* no recent rate /,
    );
  });

  it('by no policy: whether none permits it or none was evaluated', async () => {
    const never = () => new Promise<never>(() => undefined);
    const impatient = await rig.start({
      factsWithinMs: 20,
      transactions: { facts: never, parties: never, countsAgainstLimits: never },
    });
    expect((await answered({ by: impatient })).reason_admin[403]).toBe(
      'Policy version 1: no policy decided it (decision_timed_out).',
    );
    expect((await answered({ subject: 'person:nobody' })).reason_admin[403]).toBe(
      'Policy version 1: no policy decided it (not_evaluable).',
    );
    expect((await answered({ action: 'order:cancel' })).reason_admin[403]).toBe(
      'Policy version 1: no policy permits it (no_policy_permits).',
    );
  });
});

describe('an administrator sees', () => {
  const failed = { policy_id: 'fallible', message: expect.stringContaining('64 bits') };

  it('errors beside a permit; somebody who may not read the policies does not', async () => {
    const context = await answered({ overflow: true });
    expect(context).toMatchObject({ decision: true, policy: { determining: ['orders'], errors: [failed] } });
    expect(context).not.toHaveProperty('reason_admin');
    for (const facts of [order('900'), order('1001')]) {
      const { policy, ...other } = await answered({ facts, overflow: true, scope: ['decision:evaluate'] });
      expect(Object.keys(policy)).toEqual(['version', 'hash', 'determining']);
      expect(other).not.toHaveProperty('explanation');
      expect(other).not.toHaveProperty('reason_admin');
    }
  });

  it('errors beside a deny, also in words', async () => {
    const { policy, reason_admin } = await answered({ facts: order('1001'), overflow: true });
    expect(policy.errors).toEqual([failed]);
    expect(reason_admin[403]).toMatch(/1001 asked for\. fallible failed: .*64 bits/);
  });

  it('the texts of the policies that determined a permit or a deny', async () => {
    const text = expect.stringMatching(/^@id\("orders"\)\s+permit \(/);
    const permit = await answered({});
    expect(permit.policy).toMatchObject({
      determining: ['orders'],
      policies: [{ id: 'orders', effect: 'permit', text }],
    });
    const deny = await answered({ action: 'trade:affirm' });
    const said = expect.stringContaining('forbid (principal, action == Action::"trade:affirm", resource)');
    expect(deny.policy).toMatchObject({ determining: ['no-steps'], policies: [{ effect: 'forbid', text: said }] });
  });

  it('the link to the whole explanation, with the reading of each limit', async () => {
    const reading = { key: 'trader=person:own', used: '0' };
    for (const [facts, exceeded] of [
      [order('900'), false],
      [order('1001'), true],
    ] as const) {
      const { evidence, explanation } = await answered({ facts });
      expect(explanation).toBe(`/policies/decisions/${evidence}`);
      expect((await engine.history.explain(evidence)).limits).toMatchObject([
        { ...reading, limit: 'per-order', window: 'order', headroom: '1000', exceeded },
        { ...reading, limit: 'per-day', window: 'PT86400S', headroom: '1500', exceeded: false },
      ]);
    }
  });
});
