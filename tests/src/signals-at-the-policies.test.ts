import { toInstant } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRiskWorld, type RiskWorld } from '../../components/authentication/src/testing/risk-world.ts';
import { desk, midday, stepQuestion, transactionOf } from '../../components/policy-engine/src/testing/desk.ts';
import { createEngineRig, type EngineRig } from '../../components/policy-engine/src/testing/engine-rig.ts';

/** The effect of a person's risk signals on their next order, under the shipped policies. */
describe('a risk signal about a person', () => {
  let rig: EngineRig;
  let world: RiskWorld;
  let risk: Awaited<ReturnType<RiskWorld['node']>>;
  let engine: Awaited<ReturnType<EngineRig['start']>>;
  beforeAll(async () => {
    rig = await createEngineRig();
    rig.directory = desk;
    world = await createRiskWorld();
    risk = await world.node();
    engine = await rig.start({ standing: { signalsOf: (principal) => risk.of(principal as typeof person) } });
  });
  afterAll(async () => {
    await world.close();
    await rig.close();
  });

  const question = stepQuestion('order:create', transactionOf('trade_order', { drop: ['algo'] }), {});
  const person = question.principal as Parameters<typeof risk.clear>[0];
  const raise = (name: Parameters<typeof risk.clear>[1]) =>
    risk.raise({ person, name, until: toInstant(world.clock.now() + 3_600_000), why: 'for the test' });
  const placed = async (authentication: { readonly acr?: string; readonly authTime?: number } = {}) => {
    const context = { ...question.context, ...authentication };
    const { decision, reasons, obligations } = await engine.decide({ ...question, context });
    return { decision, reasons: reasons.map(({ code }) => code), obligations: obligations.map(({ kind }) => kind) };
  };
  const fresh = { acr: 'phrh', authTime: midday / 1000 - 60 };

  it.each(['device-new', 'failed-attempts'] as const)('requires a step-up while %s is active', async (name) => {
    expect((await placed()).reasons).toEqual([]);
    await raise(name);
    expect(await placed()).toEqual({ decision: false, reasons: ['step_up_risk'], obligations: ['step-up'] });
    expect((await placed(fresh)).reasons).toEqual([]);
    await risk.clear(person, name, 'person:olga.office');
    expect((await placed()).reasons).toEqual([]);
  });

  it.each([
    ['impossible-travel', 'risk_takeover'],
    ['credential-compromised', 'risk_takeover'],
    ['recovery-cooling-off', 'recovered_recently'],
  ] as const)('denies while %s is active, however fresh the sign-in', async (name, reason) => {
    await raise(name);
    expect(await placed(fresh)).toEqual({ decision: false, reasons: [reason], obligations: [] });
    await risk.clear(person, name, 'person:olga.office');
    expect((await placed(fresh)).reasons).toEqual([]);
  });
});
