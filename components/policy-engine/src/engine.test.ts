import type { DecisionInput, TransactionFacts } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from './index.ts';
import { lapsed, operator, own, stepQuestion, stranger, transactionOf, worth } from './testing/desk.ts';
import { createEngineRig, type EngineRig } from './testing/engine-rig.ts';

/** A trader's order for the firm itself, without an algorithm. */
const order = ({
  notional = '900000',
  ccy = 'EUR',
  ...facts
}: { notional?: string; ccy?: Parameters<typeof worth>[1] } & Partial<TransactionFacts> = {}) =>
  transactionOf('trade_order', { drop: ['algo', 'limit_price'], set: worth(notional, ccy), ...facts });
const algorithmic = (
  algo: Partial<Record<'model_id' | 'version' | 'artifact_sha256', string>> = {},
  amount = worth('250000'),
) => {
  const facts = transactionOf('trade_order', {
    drop: ['limit_price'],
    set: amount,
    initiator: 'agent:vwap',
  });
  return { ...facts, intent: { ...facts.intent, algo: { ...(facts.intent['algo'] as object), ...algo } } };
};
const placing = (facts: TransactionFacts, context: Partial<DecisionInput['context']> & { principal?: string } = {}) =>
  stepQuestion('order:create', facts, context);
const supervisor = (approver = 'person:bernd', institution: string = own, role = 'supervisor') => ({
  approvals: [{ approver, institution, role }],
});

describe('the policy engine on the shipped policies', () => {
  let rig: EngineRig;
  let engine: RunningPolicyEngine;
  beforeAll(async () => {
    rig = await createEngineRig();
    engine = await rig.start();
  });
  afterAll(() => rig.close());

  it('publishes the shipped bundle once, with its texts in the record, and finds it at the next start', async () => {
    expect(engine.active()).toMatchObject({ version: 1, changeRequest: 'release' });
    const again = await rig.start();
    expect(again.active()).toMatchObject({ version: 1, hash: engine.active().hash });
    const published = rig.records.filter(({ type }) => type === 'policy.published');
    expect(published).toHaveLength(1);
    expect(Buffer.byteLength(JSON.stringify(published[0]))).toBeLessThan(65_000);
  });

  it('permits an ordinary order of a trader', async () => {
    expect(await engine.decide(placing(order()))).toMatchObject({
      decision: true,
      determining: ['trader-deals'],
      errors: [],
      reasons: [],
      obligations: [],
    });
  });

  it('asks for a supervisor above a million, and accepts one who is not the initiator and of the same firm', async () => {
    const large = { notional: '1000000.0001' };
    expect(await engine.decide(placing(order(large)))).toMatchObject({
      decision: false,
      reasons: [{ code: 'approval_required' }],
      obligations: [
        { kind: 'approval', role: 'supervisor', count: 1, escalation: [{ role: 'desk-head', afterSeconds: 1800 }, {}] },
      ],
    });
    const approved = async (...by: Parameters<typeof supervisor>) =>
      (await engine.decide(placing(order({ ...large, ...supervisor(...by) })))).decision;
    expect(await approved()).toBe(true);
    expect(await approved('person:own')).toBe(false);
    expect(await approved('person:bernd', lapsed)).toBe(false);
    expect(await approved('person:bernd', own, 'clerk')).toBe(false);
  });

  it('names everything missing at once', async () => {
    const { obligations } = await engine.decide(placing(order({ notional: '60000000' })));
    expect(obligations.map((each) => (each.kind === 'approval' ? [each.role, each.count] : each))).toEqual([
      ['desk-head', 1],
      ['risk', 1],
      ['supervisor', 1],
    ]);
  });

  it('rounds a notional just under the fourth decimal up', async () => {
    expect((await engine.decide(placing(order({ notional: '1000000.00001' })))).decision).toBe(false);
    expect((await engine.decide(placing(order({ notional: '1000000' })))).decision).toBe(true);
  });

  it('asks for every approval in a currency without a rate', async () => {
    expect(await engine.decide(placing(order({ notional: '1', ccy: 'CHF' })))).toMatchObject({
      obligations: [{ role: 'desk-head' }, { role: 'risk' }, { role: 'supervisor' }],
    });
  });

  it.each([
    ['1000', 'SEK', []],
    ['6000000', 'JPY', []],
    ['1000000', 'KWD', ['approval_required']],
    ['1111111', 'USD', []],
    ['1111112', 'USD', ['approval_required']],
  ] as const)('counts %s %s in euro', async (notional, ccy, reasons) => {
    const decision = await engine.decide(placing(order({ notional, ccy })));
    expect(decision.reasons.map(({ code }) => code)).toEqual(reasons);
  });

  it('lets an algorithm order for six million yen, which is about 37,000 euro', async () => {
    expect(await engine.decide(placing(algorithmic({}, worth('6000000', 'JPY'))))).toMatchObject({ decision: true });
  });

  it.each([
    ['a person without the role', placing(order(), { principal: 'person:clerk' }), 'no_policy_permits'],
    ['a lapsed LEI', placing(order(), { principal: 'person:lapsed' }), 'institution_not_in_good_standing'],
    ['a mandate that does not stand', placing(order(), { mandateInForce: false }), 'mandate_not_in_force'],
    ['an unknown principal', placing(order(), { principal: 'person:nobody' }), 'not_evaluable'],
    ['an amount that is not one', placing(order({ notional: '1e9' })), 'not_evaluable'],
    ['an amount beyond what can be compared', placing(order({ notional: '9223372036854775808' })), 'not_evaluable'],
    ['a weak sign-in', stepQuestion('token:issue', order(), { acr: 'pwd' }), 'sign_in_too_weak'],
    ['a person who names an algorithm', placing(transactionOf('trade_order')), 'algorithm_without_agent'],
    ['an undeclared action', stepQuestion('order:everything', order()), 'no_policy_permits'],
    ['text that cannot be written down', placing(order(), { claimedSignals: ['\ud800'] }), 'not_evaluable'],
  ])('denies %s', async (_, input, code) => {
    const decision = await engine.decide(input);
    expect(decision.decision).toBe(false);
    expect(decision.reasons.map((reason) => reason.code)).toContain(code);
  });

  it('lets a certified agent place a small order, and refuses another artefact, no artefact, and an uncertified agent', async () => {
    const codes = async (facts: TransactionFacts, principal?: string) =>
      (await engine.decide(placing(facts, principal === undefined ? {} : { principal }))).reasons.map(
        ({ code }) => code,
      );
    expect(await codes(algorithmic())).toEqual([]);
    expect(await codes(algorithmic({ artifact_sha256: 'b'.repeat(64) }))).toEqual(['agent_artefact_differs']);
    expect(await codes(order(), 'agent:vwap')).toContain('agent_artefact_differs');
    expect(await codes(algorithmic(), 'agent:draft')).toContain('agent_not_certified');
  });

  it('still permits cancelling when the mandate has ended', async () => {
    expect(await engine.decide(stepQuestion('order:cancel', order(), { mandateInForce: false }))).toMatchObject({
      decision: true,
    });
  });

  describe('a question from outside', () => {
    const caller = { id: 'service:broker', institution: own };
    const large = order({ notional: '5000000' });
    const request = (id: string = large.id, context = {}) => ({
      subject: { type: 'person', id: 'person:own' },
      action: { name: 'order:create' },
      resource: { type: 'transaction', id, properties: { notional: '1' } },
      context: { mandate_stands: true, supervisor_approvals: 9, ...context },
    });
    beforeAll(() => {
      rig.transactions.set(large.id, { facts: large, parties: [own] });
    });

    it('is recorded before it is answered, and not answered when the record cannot be written', async () => {
      const answer = await engine.evaluate(request(), caller);
      expect(answer).toMatchObject({ decision: false, obligations: [{ role: 'supervisor', count: 1 }] });
      expect(rig.records.at(-1)).toMatchObject({
        id: answer.recordId,
        type: 'decision.made',
        outcome: 'deny',
        reason: 'approval_required',
        transaction: large.id,
        data: { decision: { decision_id: answer.id, decision: false, input_digest: answer.inputDigest } },
      });
      rig.breakLog(true);
      await expect(engine.evaluate(request(), caller)).rejects.toMatchObject({ code: 'log_unavailable' });
      rig.breakLog(false);
    });

    it('is replayed from its record', async () => {
      const { recordId } = await engine.evaluate(request(), caller);
      expect(await engine.history.replay(recordId)).toMatchObject({ outcome: 'identical' });
    });

    it('reveals only to the parties and the operator whether a transaction exists', async () => {
      const unknown = 'txn_01k9z3m8q4d6s0v2x5y7a9b1c4' as TransactionId;
      const answerTo = async (institution: string | undefined, id: string) => {
        const by = institution === undefined ? { id: 'service:x' } : { id: 'service:x', institution };
        const { decision, reasons, obligations, determining } = await engine.evaluate(request(id), by);
        return { decision, reasons, obligations, determining };
      };
      const toNobody = await answerTo(stranger, unknown);
      expect(toNobody).toMatchObject({ decision: false, reasons: [{ code: 'not_evaluable' }] });
      expect(await answerTo(stranger, large.id)).toEqual(toNobody);
      expect(await answerTo(undefined, large.id)).toEqual(toNobody);
      expect(await answerTo(own, 'nonsense')).toEqual(toNobody);
      expect((await answerTo(own, large.id)).reasons[0]?.code).toBe('approval_required');
      expect((await answerTo(operator, large.id)).reasons[0]?.code).toBe('approval_required');
    });

    it('permits no token for a transaction that does not exist', async () => {
      const answer = await engine.evaluate({ ...request('nonsense'), action: { name: 'token:issue' } }, caller);
      expect(answer).toMatchObject({ decision: false });
    });

    it.each(['device:desk-7', 'person:', 'anna', 'service:own'])(
      'permits the subject %s nothing as a person',
      async (id) => {
        const asked = { ...request(), subject: { type: 'person', id } };
        expect(await engine.evaluate(asked, caller)).toMatchObject({
          decision: false,
          determining: [],
          reasons: [{ code: 'not_evaluable' }],
        });
      },
    );
  });
});
