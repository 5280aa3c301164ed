import type { EvaluationRequest } from '@countersign/contracts';
import type { RecordId, TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../index.ts';
import { operator, own, stepQuestion, stranger, transactionOf, worth } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';
import { issuedTo } from '../testing/issued-token.ts';

/** All interfaces gather facts the same way: our own registers decide, and a caller can only add to them. */
describe('the facts from our own registers', () => {
  let rig: EngineRig;
  let engine: RunningPolicyEngine;
  const standing = new Map<string, readonly string[]>();
  const facts = transactionOf('trade_order', {
    id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId,
    drop: ['algo', 'limit_price'],
    set: worth('900'),
  });
  beforeAll(async () => {
    rig = await createEngineRig();
    engine = await rig.start({ standing: { signalsOf: (principal) => standing.get(principal) ?? [] } });
    rig.transactions.set(facts.id, { facts, parties: [own] });
  });
  afterAll(() => rig.close());
  beforeEach(() => standing.clear());

  const placing = (context: EvaluationRequest['context'] = {}): EvaluationRequest => ({
    subject: { type: 'person', id: 'person:own' },
    action: { name: 'order:create' },
    resource: { type: 'transaction', id: facts.id },
    context,
  });
  const by = (institution: string) => ({ id: 'service:own', institution });
  const evaluate = (context?: EvaluationRequest['context'], institution: string = own) =>
    engine.evaluate(placing(context), by(institution));
  const codesOf = ({ reasons }: { readonly reasons: readonly { readonly code: string }[] }) =>
    reasons.map(({ code }) => code);

  it('count for an evaluation from outside, whatever the caller says or leaves out', async () => {
    expect(await evaluate()).toMatchObject({ decision: true });
    standing.set('person:own', ['account-disabled']);
    for (const context of [
      {},
      { signals: [] },
      { signals: ['device-new'] },
      { acr: 'phrh', auth_time: Math.floor(rig.clock.now() / 1000) },
      { evidence: issuedTo(rig, { subject: 'person:own', acr: 'phrh' }) },
    ])
      expect(codesOf(await evaluate(context))).toContain('risk_takeover');
  });

  it('count for batches and for searches', async () => {
    const people = { kind: 'subject', ...placing(), subject: { type: 'person' } } as const;
    const actions = { kind: 'action', subject: placing().subject, resource: placing().resource } as const;
    const ask = async () => ({
      several: (await engine.evaluations({ evaluations: [placing()], semantic: 'execute_all' }, by(own))).map(
        ({ decision }) => decision,
      ),
      people: (await engine.search(people, by(own))).results,
      actions: (await engine.search(actions, by(own))).results,
    });
    const before = await ask();
    expect(before.several).toEqual([true]);
    expect(before.people).toContainEqual({ type: 'person', id: 'person:own' });
    expect(before.actions).toContainEqual({ name: 'order:create' });
    standing.set('person:own', ['account-disabled']);
    const after = await ask();
    expect(after.several).toEqual([false]);
    expect(after.people).not.toContainEqual({ type: 'person', id: 'person:own' });
    expect(after.actions).not.toContainEqual({ name: 'order:create' });
  });

  it('count for a question asked in process, for everybody in the acting chain', async () => {
    const ask = (context: object) => engine.decide(stepQuestion('order:create', facts, context));
    expect(await ask({ actors: ['service:own'] })).toMatchObject({ decision: true });
    standing.set('service:own', ['credential-compromised']);
    expect(await ask({})).toMatchObject({ decision: true });
    expect(codesOf(await ask({ actors: ['service:own'] }))).toContain('risk_takeover');
    expect(codesOf(await ask({ claimedSignals: ['impossible-travel'] }))).toContain('risk_takeover');
  });

  it('clear a risk signal by a sign-in recorded in our own log, and never by the caller’s word', async () => {
    standing.set('person:own', ['device-new']);
    const now = Math.floor(rig.clock.now() / 1000);
    expect(codesOf(await evaluate({ acr: 'phrh', auth_time: now }))).toEqual(['step_up_risk']);
    const evidence = (of: Parameters<typeof issuedTo>[1]) => ({ evidence: issuedTo(rig, of) });
    expect(await evaluate(evidence({ subject: 'person:own', acr: 'phrh' }))).toMatchObject({ decision: true });
    expect(codesOf(await evaluate(evidence({ subject: 'person:own', acr: 'phr' })))).toEqual(['step_up_risk']);
    expect(codesOf(await evaluate(evidence({ subject: 'person:own', acr: 'phrh', signedInAgo: 301 })))).toEqual([
      'step_up_risk',
    ]);
  });

  it.each<[string, Omit<Parameters<typeof issuedTo>[1], 'subject'> & { readonly subject?: string }]>([
    ['of somebody else', { subject: 'person:clerk' }],
    ['that has ended', { endsIn: -1 }],
    ['that came to the interface of another firm', { audience: 'https://venue.example/orders' }],
    ['that was refused', { draft: { outcome: 'deny' } }],
    ['of something else', { draft: { type: 'decision.made' } }],
    ['that does not say when it ends', { draft: { data: {} } }],
  ])('refuses the record of a token %s', async (_, of) => {
    const evidence = issuedTo(rig, { subject: 'person:own', acr: 'phrh', ...of });
    await expect(evaluate({ evidence })).rejects.toMatchObject({ code: 'evaluation_invalid' });
  });

  it('refuse a missing record, and accept any that the operator issued to the principal', async () => {
    const unknown = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' as RecordId;
    await expect(evaluate({ evidence: unknown })).rejects.toMatchObject({ code: 'evaluation_invalid' });
    const evidence = issuedTo(rig, { subject: 'person:own', acr: 'phrh', audience: 'https://venue.example/orders' });
    expect(stranger).not.toBe(operator);
    expect(await evaluate({ evidence }, operator)).toMatchObject({ decision: true });
  });
});
