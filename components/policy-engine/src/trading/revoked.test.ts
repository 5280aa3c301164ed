import type {
  EvaluationRequest,
  RevokingParty,
  StandingRevocationTarget,
  TransactionFacts,
} from '@countersign/contracts';
import { newId, systemRandom, type TransactionId } from '@countersign/kernel';
import { codeOf, lifted, revoked } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../index.ts';
import { operator, own, stranger, transactionOf } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';
import { issuedTo } from '../testing/issued-token.ts';

describe('a question about a revoked principal', () => {
  let rig: EngineRig;
  let engine: RunningPolicyEngine;
  const placed: (readonly [StandingRevocationTarget, RevokingParty])[] = [];
  const facts: TransactionFacts = transactionOf('trade_order', {
    id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId,
    drop: ['algo'],
    set: { max_notional: { amount: '900', ccy: 'EUR' } },
  });
  const put = (change: Partial<TransactionFacts> = {}) =>
    rig.transactions.set(facts.id, { facts: { ...facts, ...change }, parties: [own, stranger] });
  beforeAll(async () => {
    rig = await createEngineRig({ policies: '@id("everything") permit (principal, action, resource);' });
    engine = await rig.start();
    put();
  });
  afterAll(() => rig.close());
  afterEach(() => {
    for (const [target, party] of placed.splice(0)) record([lifted(target, party)]);
    put();
  });

  const by = (institution: string) => ({ id: 'service:own', institution });
  function record(standing: readonly ReturnType<typeof lifted>[]): void {
    rig.records.push({
      id: newId('record', { clock: rig.clock, random: systemRandom }),
      type: 'token.revoked',
      source: 'authorization-server',
      outcome: 'done',
      standing,
    });
  }
  function revoke(kind: StandingRevocationTarget['kind'], id: string, party: RevokingParty = 'operator'): void {
    placed.push([{ kind, id }, party]);
    record([revoked({ kind, id }, party, { id: 'person:olivia.ops' })]);
  }
  const placing = (change: Partial<EvaluationRequest> = {}): EvaluationRequest => ({
    subject: { type: 'person', id: 'person:own' },
    action: { name: 'order:create' },
    resource: { type: 'transaction', id: facts.id },
    ...change,
  });
  const evaluate = (change?: Partial<EvaluationRequest>, institution: string = own) =>
    engine.evaluate(placing(change), by(institution));
  const codes = async (...asked: Parameters<typeof evaluate>) =>
    (await evaluate(...asked)).reasons.map(({ code }) => code);

  it('is denied whatever the policies permit, with the revocation as the reason, and recorded', async () => {
    expect(await codes()).toEqual([]);
    revoke('principal', 'person:own');
    const answer = await evaluate();
    expect(answer).toMatchObject({
      decision: false,
      determining: [],
      reasons: [
        { code: 'authority_revoked', detail: expect.stringMatching(/^The principal person:own is revoked \(rec_/) },
      ],
    });
    expect(rig.records.at(-1)).toMatchObject({
      id: answer.recordId,
      type: 'decision.made',
      outcome: 'deny',
      reason: 'authority_revoked',
    });
    // The policies were not evaluated, so their answer is unknown.
    expect(await engine.history.replay(answer.recordId)).toMatchObject({
      outcome: 'missing',
      missing: [expect.stringContaining('was revoked')],
    });
  });

  it('is denied for an interface, too', async () => {
    const about = { action: { name: 'token:issue' }, resource: { type: 'resource', id: 'https://oms.example/orders' } };
    expect(await codes(about)).toEqual([]);
    revoke('partner', own, 'institution');
    expect(await codes(about)).toEqual(['authority_revoked']);
  });

  it('is denied for a revoked client that the caller names, and for the holder of the token that it names', async () => {
    const context = {
      evidence: issuedTo(rig, {
        subject: 'person:own',
        acr: 'phr',
        draft: { client: 'oms', actors: [{ id: 'service:own' }] },
      }),
    };
    expect(await codes({ context })).toEqual([]);
    revoke('client', 'oms');
    expect(await codes()).toEqual([]);
    expect(await codes({ context: { client: 'oms' } })).toEqual(['authority_revoked']);
    expect(await codes({ context })).toEqual(['authority_revoked']);
    for (const [target, party] of placed.splice(0)) record([lifted(target, party)]);
    revoke('principal', 'service:own');
    expect(await codes()).toEqual([]);
    expect(await codes({ context })).toEqual(['authority_revoked']);
  });

  it.each(['', ' ', 'two words', 'a\u0000b', 'x'.repeat(512)])('does not read %j as a client', async (client) => {
    expect(await codes({ context: { client } })).toEqual([]);
  });

  it('is denied for a revoked continuer of the transaction or a revoked mandate, until only finished work is completed', async () => {
    put({ carriedBy: 'person:ben' });
    revoke('principal', 'person:ben');
    expect(await codes()).toEqual(['authority_revoked']);
    put({ carriedBy: 'person:ben', completingScopes: ['order:create'] });
    expect(await codes()).toEqual([]);
    revoke('mandate', facts.mandate.id);
    expect(await codes()).toEqual([]);
    put();
    expect(await codes()).toEqual(['authority_revoked']);
    put({ completingScopes: ['order:create'] });
    revoke('principal', 'person:own');
    expect(await codes()).toEqual(['authority_revoked']);
  });

  it('reveals to another institution neither who is revoked nor, for another’s business, that anybody is', async () => {
    revoke('principal', facts.initiator);
    const [reason] = (await evaluate({}, stranger)).reasons;
    expect(reason).toEqual({
      code: 'authority_revoked',
      detail: 'The initiator of this transaction, or one of its actors, is revoked.',
    });
    expect((await evaluate({}, operator)).reasons[0]?.detail).toContain(facts.initiator);
    const resource = { type: 'resource', id: 'https://oms.example/orders' };
    expect(await codes({ resource }, stranger)).not.toContain('authority_revoked');
  });

  it('is not answered while the log is unavailable', async () => {
    rig.breakLog(true);
    expect(await codeOf(evaluate())).toBe('log_unavailable');
    const search = { kind: 'action', subject: placing().subject, resource: placing().resource } as const;
    expect(await codeOf(engine.search(search, by(own)))).toBe('log_unavailable');
    rig.breakLog(false);
  });
});
