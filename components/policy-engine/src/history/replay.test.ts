import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { policyEngineMigrations } from '../migrations.ts';
import { createPast, houseRules, type Past, rulesWith } from '../testing/past-decisions.ts';

let scratch: Awaited<ReturnType<typeof createTestDatabase>>;
let past: Past;
beforeAll(async () => {
  scratch = await createTestDatabase({ components: [policyEngineMigrations] });
});
afterAll(() => scratch.drop());
beforeEach(() => {
  past = createPast(scratch.pool('policy-engine'));
});

describe('replaying a recorded decision', () => {
  it.each([
    ['a permit', {}, true],
    ['a permit that shortens a token', { action: 'order:cancel' }, true],
    ['a deny that an approval would lift', { notional: '2000000.5' }, false],
    ['a deny that nobody lifts', { person: 'person:dora' }, false],
    ['a deny of a forbid that failed', { notional: 'much' }, false],
    ['a deny of an undeclared action', { action: 'order:eat' }, false],
    ['a deny of somebody unknown', { person: 'person:nobody' }, false],
    ['a decision in the record of a transaction', { type: 'transaction.refused', acr: '' }, false],
  ] as const)('reproduces %s exactly', async (_, order, decision) => {
    const report = await past.history.replay(await past.order(order));
    expect(report).toMatchObject({ outcome: 'identical', recorded: { decision, policyVersion: 1 } });
  });

  it('uses the version of its time, also when another one is in force now', async () => {
    const record = await past.order({ notional: '2000000.0' });
    past.publish(rulesWith('1000000.0', '9000000.0'));
    expect(await past.history.replay(record)).toMatchObject({ outcome: 'identical', recorded: { decision: false } });
    const today = await past.order({ notional: '2000000.0' });
    expect(await past.history.replay(today)).toMatchObject({ outcome: 'identical', recorded: { decision: true } });
  });

  it('reproduces what Cedar decided in place of wrongly compiled policies', async () => {
    const record = await past.order({ notional: '2000000.0' });
    const wrongly = await past.order({
      notional: '2000000.0',
      verdict: { decision: true, determining: ['cancelling'] },
    });
    past.miscompile(rulesWith('1000000.0', '9000000.0'));
    expect(await past.history.replay(record)).toMatchObject({ outcome: 'identical', recorded: { decision: false } });
    expect(await past.history.replay(wrongly)).toMatchObject({ outcome: 'different' });
  });

  it('reports every member that differs', async () => {
    const obligations = [{ kind: 'step-up', acr: 'phrh' }] as const;
    const record = await past.order({
      notional: '2000000.0',
      verdict: { determining: ['another'], obligations, tokenLifetimeSeconds: 5 },
    });
    expect(await past.history.replay(record)).toMatchObject({
      outcome: 'different',
      differences: [
        { field: 'determining', recorded: ['another'], replayed: ['large-orders'] },
        {
          field: 'obligations',
          recorded: [{ kind: 'step-up', acr: 'phrh' }],
          replayed: [
            {
              kind: 'approval',
              role: 'supervisor',
              count: 1,
              escalation: [{ role: 'desk-head', after_seconds: 1800 }],
            },
          ],
        },
        { field: 'token_lifetime', recorded: 5, replayed: null },
      ],
    });
  });

  it('reproduces a permit that asks for a time stamp, and reports one recorded without it', async () => {
    past.publish(rulesWith('@id("cancelling")', '@id("cancelling") @time_stamp("rfc3161")'));
    const stamped = await past.history.replay(await past.order({ action: 'order:cancel' }));
    expect(stamped).toMatchObject({ outcome: 'identical', recorded: { timeStamp: true } });
    past.publish(houseRules);
    const record = await past.order({ action: 'order:cancel', verdict: { timeStamp: true } });
    expect(await past.history.replay(record)).toMatchObject({
      outcome: 'different',
      differences: [{ field: 'time_stamp', recorded: true, replayed: null }],
    });
  });

  it('reports an input that was changed after its digest was taken', async () => {
    const id = await past.order();
    past.alter(id, (document) => ({ ...document, context: { acr: 'phr', more: true } }));
    expect(await past.history.replay(id)).toMatchObject({
      outcome: 'different',
      differences: [{ field: 'input_digest' }],
    });
  });

  it('names an entity that is no longer kept, and judges nothing without it', async () => {
    const id = await past.order();
    const desk = past.factOf('NORD/rates');
    past.facts.delete(desk);
    expect(await past.history.replay(id)).toMatchObject({
      outcome: 'missing',
      missing: [`entity: Desk ${desk} is not stored`],
    });
  });

  it('reports values beside the record that are erased', async () => {
    const id = await past.order({ notional: '2000000.0' });
    past.log.erased.add(id);
    const erased = 'the protected value was erased or cannot be read in this region';
    expect(await past.history.replay(id)).toMatchObject({
      outcome: 'missing',
      recorded: { decision: false, determining: ['large-orders'] },
      missing: [`input: ${erased}`, `reasons: ${erased}`],
    });
  });

  it('refuses an entity that does not match its digest', async () => {
    const id = await past.order({ person: 'person:dora' });
    const dora = past.factOf('person:dora');
    past.facts.set(dora, (past.facts.get(dora) ?? '').replace('"roles":[]', '"roles":["trader"]'));
    expect(await past.history.replay(id)).toMatchObject({
      outcome: 'missing',
      missing: [`entity: Person ${dora} does not match its digest`],
    });
    past.facts.set(dora, 'no JSON');
    expect(await past.history.replay(id)).toMatchObject({ outcome: 'missing' });
  });

  it('reports policies that are gone or are not those that decided', async () => {
    const id = await past.order();
    past.publish(rulesWith('1000000.0', '2000000.0'));
    past.published.set(1, rulesWith('1000000.0', '3000000.0'));
    expect(await past.history.replay(id)).toMatchObject({
      outcome: 'missing',
      missing: ['policies: the stored bundle of version 1 differs from the one that decided'],
    });
    past.published.delete(1);
    expect(await past.history.replay(id)).toMatchObject({
      outcome: 'missing',
      missing: ['policies: version 1 is not stored'],
    });
    past.published.set(1, houseRules);
    expect(await past.history.replay(id)).toMatchObject({ outcome: 'identical' });
  });

  it.each([
    ['a version of the document that is not known', { v: 2 }],
    ['entities that are no list', { entities: 'all' }],
    ['an entity without a digest', { entities: [['Person', 'person:anna', 'x']] }],
  ] as const)('reports an unreadable input: %s', async (_, change) => {
    const id = await past.order();
    past.alter(id, (document) => ({ ...document, ...change }));
    expect(await past.history.replay(id)).toMatchObject({
      outcome: 'missing',
      missing: ['input: its format is unknown'],
    });
  });

  it('refuses a missing record, and one without a decision', async () => {
    await expect(past.history.replay(past.newRecordId())).rejects.toMatchObject({ code: 'decision_not_found' });
    const id = past.newRecordId();
    await past.log.append({ id, type: 'decision.made', source: 'policy-engine', outcome: 'deny', data: { old: true } });
    await expect(past.history.replay(id)).rejects.toMatchObject({ code: 'record_without_decision' });
  });
});
