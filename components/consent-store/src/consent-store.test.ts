import type { ConsentStore, Mandate, MandateAnswer } from '@countersign/contracts';
import { digestOf, type MandateId } from '@countersign/kernel';
import type { Lei, MandateUse } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import {
  actor,
  algorithmOf,
  broker,
  brokerClerk,
  brokerSignatory,
  childProposal,
  clearer,
  clearerSignatory,
  constraints,
  fund,
  fundSignatory,
  rootProposal,
  stranger,
  termsHash,
} from './testing/firms.ts';

let world: ConsentWorld;
let store: ConsentStore;
let keys = 0;
const key = () => `proposal-${++keys}`;
const byFund = actor(fundSignatory);
const byBroker = actor(brokerSignatory);
const byClearer = actor(clearerSignatory);

beforeAll(async () => {
  world = await createConsentWorld();
  store = world.store;
});
afterAll(() => world.close());

const coded = (code: string, facts?: unknown) =>
  expect.objectContaining({ code, ...(facts === undefined ? {} : { facts: expect.objectContaining(facts) }) });

async function root(): Promise<Mandate> {
  const { id } = await store.propose(rootProposal(), byFund, key());
  return store.accept(id, { termsHash }, byBroker);
}

async function child(parent: MandateId): Promise<Mandate> {
  const { id } = await store.propose(childProposal(parent), byBroker, key());
  return store.accept(id, { termsHash }, byClearer);
}

/** A use that every mandate of these tests permits. */
function use(changes: Record<string, unknown> = {}): MandateUse {
  return {
    action: 'settlement:instruct',
    cfi: 'ESVUFR',
    venue: 'XETR',
    jurisdiction: 'DE',
    accounts: ['FUND-1'],
    counterparties: [],
    notional: { amount: '1000', ccy: 'EUR' },
    quantity: '10',
    at: world.clock.now(),
    ...changes,
  } as unknown as MandateUse;
}

function ask(
  mandate: MandateId,
  actingFor: Lei,
  changes: Record<string, unknown> = {},
  by = store,
): Promise<MandateAnswer> {
  return by.check({ mandate, actingFor, use: use(changes), at: world.clock.now() });
}

describe('proposing and accepting', () => {
  it('keeps every version, each with the digest of the one before and named by its record', async () => {
    const { id } = await store.propose(rootProposal(), byFund, key());
    await store.accept(id, { termsHash }, byBroker);
    await store.suspend(id, byFund, 'Review of limits');
    await store.resume(id, byFund, 'Review done');
    const history = await store.history(id);
    expect(history.map(({ version, status }) => [version, status])).toEqual([
      [1, 'proposed'],
      [2, 'active'],
      [3, 'suspended'],
      [4, 'active'],
    ]);
    history.forEach(({ digest, signature: _, ...covered }, index) => {
      expect(digestOf(covered)).toBe(digest);
      expect(covered.previousDigest).toBe(history[index - 1]?.digest);
      expect(world.audit.records.find((record) => record.id === covered.recordId)?.data).toMatchObject({
        mandate: { id, digest },
      });
    });
    expect(await store.find(id)).toEqual(history.at(-1));
  });

  it('creates one mandate for a proposal repeated with the same key, however many arrive at once', async () => {
    const same = key();
    const made = await Promise.all(Array.from({ length: 10 }, () => store.propose(rootProposal(), byFund, same)));
    expect(new Set(made.map(({ digest }) => digest)).size).toBe(1);
    expect(world.audit.ofType('mandate.proposed').filter(({ mandate }) => mandate?.id === made[0]?.id)).toHaveLength(1);
  });

  it('refuses a key that was used for another proposal', async () => {
    const same = key();
    await store.propose(rootProposal(), byFund, same);
    const other = rootProposal({ effectiveUntil: '2026-12-01T00:00:00Z' });
    await expect(store.propose(other, byFund, same)).rejects.toThrow(coded('idempotency_conflict'));
  });

  it.each([
    ['a clerk of the grantor', { by: actor(brokerClerk), grantor: broker, grantee: fund }],
    ['a signatory of another institution', { by: byBroker, grantor: fund, grantee: broker }],
    [
      'a signatory whose token says another institution',
      { by: { ...byFund, institution: broker }, grantor: fund, grantee: broker },
    ],
    [
      'somebody the directory does not know',
      { by: { id: 'person:nobody', institution: fund }, grantor: fund, grantee: broker },
    ],
  ])('refuses a proposal by %s, and records the refusal', async (_, { by, grantor, grantee }) => {
    const before = world.audit.ofType('mandate.refused').length;
    const proposal = rootProposal({
      grantor: { lei: grantor, role: 'Client' },
      grantee: { lei: grantee, role: 'ExecutingBroker' },
    });
    await expect(store.propose(proposal, by, key())).rejects.toThrow(coded('not_a_signatory'));
    expect(world.audit.ofType('mandate.refused').slice(before)).toMatchObject([
      { outcome: 'deny', reason: 'not_a_signatory', subject: by },
    ]);
  });

  it('refuses an algorithm in the signatory role: it cannot propose, accept or revoke', async () => {
    const agent = algorithmOf(fund, 'agent:signs', ['signatory']);
    const granteeAgent = algorithmOf(broker, 'agent:accepts', ['signatory']);
    for (const one of [agent, granteeAgent]) world.directory.principals.set(one.id, one);
    const by = { id: agent.id, institution: fund };
    await expect(store.propose(rootProposal(), by, key())).rejects.toThrow(coded('not_a_signatory'));
    const { id } = await store.propose(rootProposal(), byFund, key());
    await expect(store.accept(id, { termsHash }, { id: granteeAgent.id, institution: broker })).rejects.toThrow(
      coded('not_a_signatory'),
    );
    await store.accept(id, { termsHash }, byBroker);
    await expect(store.revoke(id, by, 'Mine')).rejects.toThrow(coded('not_a_signatory'));
    for (const one of [agent, granteeAgent]) world.directory.principals.delete(one.id);
  });

  it('refuses an acceptance by anybody but a signatory of the grantee, or of other terms', async () => {
    const { id } = await store.propose(rootProposal(), byFund, key());
    await expect(store.accept(id, { termsHash }, byFund)).rejects.toThrow(coded('not_a_signatory'));
    await expect(store.accept(id, { termsHash }, actor(brokerClerk))).rejects.toThrow(coded('not_a_signatory'));
    await expect(store.accept(id, { termsHash: digestOf('other terms') }, byBroker)).rejects.toThrow(
      coded('terms_hash_mismatch'),
    );
    expect((await store.find(id))?.status).toBe('proposed');
  });

  it('answers an acceptance repeated with the same version', async () => {
    const accepted = await root();
    expect(await store.accept(accepted.id, { termsHash }, byBroker)).toEqual(accepted);
    expect(await store.history(accepted.id)).toHaveLength(2);
  });

  it('refuses a mandate from or for an institution whose registration is not ISSUED', async () => {
    const firm = world.directory.institutions.get(broker);
    if (firm === undefined) throw new Error('no broker');
    const { id } = await store.propose(rootProposal(), byFund, key());
    world.directory.institutions.set(broker, { ...firm, leiStatus: 'LAPSED' });
    const refused = world.audit.ofType('mandate.refused').length;
    await expect(store.propose(rootProposal(), byFund, key())).rejects.toThrow(coded('mandate_invalid'));
    expect(world.audit.ofType('mandate.refused')).toHaveLength(refused + 1);
    await expect(store.accept(id, { termsHash }, byBroker)).rejects.toThrow(coded('mandate_invalid'));
    world.directory.institutions.set(broker, firm);
  });

  it.each([
    ['an end before its beginning', { effectiveUntil: '2025-12-31T00:00:00Z' }, 'effectiveUntil'],
    ['more than five years', { effectiveUntil: '2031-01-01T00:00:01Z' }, 'effectiveUntil'],
    ['an invalid time', { effectiveFrom: 'tomorrow' }, 'effectiveFrom'],
    [
      'an LEI with wrong check digits',
      { grantee: { lei: `${broker.slice(0, 18)}00`, role: 'ExecutingBroker' } },
      'grantee.lei',
    ],
    ['a mandate to oneself', { grantee: { lei: fund, role: 'ExecutingBroker' } }, 'grantee'],
    ['an unknown role', { grantee: { lei: broker, role: 'Wizard' } }, 'grantee.role'],
    ['constraints that name no venue', { constraints: { ...constraints, venues: [] } }, 'constraints/venues'],
    ['a constraint unknown to us', { constraints: { ...constraints, unlimited: true } }, 'constraints'],
    ['constraints that are no object', { constraints: null }, 'constraints'],
    ['an invalid terms hash', { termsHash: 'abc' }, 'termsHash'],
    ['a parent that is no mandate id', { parent: 'mnd_1' }, 'parent'],
    [
      'a legal basis that turns the writing direction',
      { legalBasis: { type: 'agreement', reference: '\u202Eevil' } },
      'legalBasis.reference',
    ],
  ])('refuses a proposal with %s', async (_, changes, field) => {
    await expect(store.propose(rootProposal(changes), byFund, key())).rejects.toThrow(
      coded('mandate_invalid', { field }),
    );
  });

  it('accepts exactly five years', async () => {
    await expect(
      store.propose(rootProposal({ effectiveUntil: '2031-01-01T00:00:00Z' }), byFund, key()),
    ).resolves.toMatchObject({ version: 1 });
  });
});

describe('creating a sub-mandate', () => {
  it('lets the grantee of an active mandate delegate less', async () => {
    const parent = await root();
    const cut = await child(parent.id);
    expect(cut.parent).toEqual({ id: parent.id, version: parent.version, digest: parent.digest });
  });

  it('refuses a wider one with a counterexample, and records the refusal', async () => {
    const parent = await root();
    const wider = childProposal(parent.id, {
      constraints: { ...constraints, venues: ['XETR', 'XLON'], delegationDepth: 1 },
    });
    const refusal = store.propose(wider, byBroker, key());
    await expect(refusal).rejects.toThrow(
      coded('mandate_wider', {
        counterexample: expect.objectContaining({ constraint: 'venues', example: 'venue XLON' }),
      }),
    );
    expect(world.audit.ofType('mandate.refused').at(-1)).toMatchObject({
      reason: 'mandate_wider',
      references: [parent.recordId],
    });
  });

  it.each([
    ['the same delegation depth', { constraints: { ...constraints, delegationDepth: 2 } }],
    ['an earlier beginning', { effectiveFrom: '2025-12-31T23:59:59Z' }],
    ['a later end', { effectiveUntil: '2027-01-01T00:00:01Z' }],
  ])('refuses one with %s', async (_, changes) => {
    const parent = await root();
    await expect(store.propose(childProposal(parent.id, changes), byBroker, key())).rejects.toThrow(
      coded('mandate_wider'),
    );
  });

  it('refuses it to anybody but the grantee of the parent', async () => {
    const parent = await root();
    const proposal = childProposal(parent.id, { grantor: { lei: fund, role: 'Client' } });
    await expect(store.propose(proposal, byFund, key())).rejects.toThrow(coded('mandate_grantee'));
  });

  it('refuses it under a parent that does not exist, is not accepted, or has an ended ancestor', async () => {
    await expect(store.propose(childProposal('mnd_00000000000000000000000000'), byBroker, key())).rejects.toThrow(
      coded('mandate_not_found'),
    );
    const proposed = await store.propose(rootProposal(), byFund, key());
    await expect(store.propose(childProposal(proposed.id), byBroker, key())).rejects.toThrow(
      coded('mandate_parent_not_active'),
    );
    const parent = await root();
    const cut = await child(parent.id);
    await store.suspend(parent.id, byFund, 'Review');
    const grandchild = rootProposal({
      grantor: { lei: clearer, role: 'ClearingFirm' },
      grantee: { lei: stranger, role: 'ClearingFirm' },
      parent: cut.id,
      constraints: { ...constraints, actions: ['settlement:instruct'], delegationDepth: 0 },
    });
    await expect(store.propose(grandchild, byClearer, key())).rejects.toThrow(coded('mandate_parent_not_active'));
  });

  it('refuses to accept one whose parent ended in between', async () => {
    const parent = await root();
    const { id } = await store.propose(childProposal(parent.id), byBroker, key());
    await store.revoke(parent.id, byFund, 'End of relationship');
    await expect(store.accept(id, { termsHash }, byClearer)).rejects.toThrow(coded('mandate_parent_not_active'));
  });
});

describe('suspending, resuming and revoking', () => {
  it('lets the grantor suspend and resume repeatedly, and the grantee neither', async () => {
    const { id } = await root();
    await expect(store.suspend(id, byBroker, 'No')).rejects.toThrow(coded('not_a_signatory'));
    const suspended = await store.suspend(id, byFund, 'Review');
    expect(await store.suspend(id, byFund, 'Review')).toEqual(suspended);
    await expect(store.resume(id, byBroker, 'No')).rejects.toThrow(coded('not_a_signatory'));
    expect(await store.resume(id, byFund, 'Done')).toMatchObject({ status: 'active', version: 4 });
  });

  it.each([
    ['the grantor', byFund],
    ['the grantee', byBroker],
  ])('lets %s revoke permanently', async (_, by) => {
    const { id } = await root();
    const revoked = await store.revoke(id, by, 'End of relationship');
    expect(await store.revoke(id, by, 'Once more')).toEqual(revoked);
    await expect(store.resume(id, byFund, 'Regret')).rejects.toThrow(coded('mandate_revoked'));
    await expect(store.accept(id, { termsHash }, byBroker)).rejects.toThrow(coded('mandate_revoked'));
  });

  it('revokes once when fifty ask at once', async () => {
    const { id } = await root();
    const answers = await Promise.all(Array.from({ length: 50 }, () => store.revoke(id, byFund, 'Now')));
    expect(new Set(answers.map(({ digest }) => digest)).size).toBe(1);
    expect(await store.history(id)).toHaveLength(3);
    expect(world.audit.ofType('mandate.revoked').filter(({ mandate }) => mandate?.id === id)).toHaveLength(1);
  });

  it('refuses a reason that is not plain text', async () => {
    const { id } = await root();
    await expect(store.revoke(id, byFund, 'line\nbreak')).rejects.toThrow(
      coded('mandate_invalid', { field: 'reason' }),
    );
  });

  it('refuses invalid transitions', async () => {
    const { id } = await store.propose(rootProposal(), byFund, key());
    await expect(store.suspend(id, byFund, 'Early')).rejects.toThrow(coded('mandate_state'));
    await expect(store.resume(id, byFund, 'Early')).rejects.toThrow(coded('mandate_state'));
  });
});

describe('checking a mandate', () => {
  it('confirms it for the grantee, with the chain up to the root', async () => {
    const parent = await root();
    const cut = await child(parent.id);
    expect(await ask(cut.id, clearer)).toEqual({ valid: true, mandate: cut, chain: [cut, parent] });
  });

  it('confirms it for the holder of a sub-mandate of the named one, with the chain', async () => {
    const parent = await root();
    const cut = await child(parent.id);
    expect(await ask(parent.id, clearer)).toEqual({ valid: true, mandate: parent, chain: [cut, parent] });
  });

  it('checks the whole chain: under the parent’s name the holder of the child may do only what the child permits', async () => {
    const parent = await root();
    await child(parent.id);
    expect(await ask(parent.id, broker, { action: 'order:create' })).toMatchObject({ valid: true });
    expect(await ask(parent.id, clearer, { action: 'order:create' })).toMatchObject({
      valid: false,
      reason: 'mandate_action',
    });
  });

  it('fails at once for everything below a revoked mandate', async () => {
    const parent = await root();
    const cut = await child(parent.id);
    await store.revoke(parent.id, byFund, 'End of relationship');
    expect(await ask(cut.id, clearer)).toMatchObject({
      valid: false,
      reason: 'mandate_revoked',
      mandate: { id: cut.id },
    });
    expect((await store.find(cut.id))?.status).toBe('active');
  });

  it('reports what is wrong', async () => {
    const proposed = await store.propose(rootProposal(), byFund, key());
    expect(await ask(proposed.id, broker)).toMatchObject({ reason: 'mandate_not_accepted' });
    const parent = await root();
    expect(await ask(parent.id, stranger)).toMatchObject({ reason: 'mandate_grantee' });
    expect(await ask(parent.id, fund)).toMatchObject({ reason: 'mandate_grantee' });
    expect(await ask(parent.id, broker, { venue: 'XLON' })).toMatchObject({ reason: 'mandate_venue' });
    expect(await ask(parent.id, broker, { notional: { amount: '2000000.01', ccy: 'EUR' } })).toMatchObject({
      reason: 'mandate_notional',
    });
    expect(await ask('mnd_00000000000000000000000000' as MandateId, broker)).toMatchObject({
      reason: 'mandate_not_found',
    });
    await store.suspend(parent.id, byFund, 'Review');
    expect(await ask(parent.id, broker)).toMatchObject({ reason: 'mandate_suspended' });
  });

  it('confirms it from its first millisecond up to, and not including, its last', async () => {
    const { id, effectiveFrom, effectiveUntil } = await root();
    const at = (time: number) => store.check({ mandate: id, actingFor: broker, use: use(), at: time });
    expect(await at(Date.parse(effectiveFrom) - 1)).toMatchObject({ reason: 'mandate_not_effective' });
    expect(await at(Date.parse(effectiveFrom))).toMatchObject({ valid: true });
    expect(await at(Date.parse(effectiveUntil) - 1)).toMatchObject({ valid: true });
    expect(await at(Date.parse(effectiveUntil))).toMatchObject({ reason: 'mandate_expired' });
    expect(await at(Number.NaN)).toMatchObject({ valid: false });
  });

  it('never answers from a version older than requested', async () => {
    const other = await world.node({ pollEveryMs: 3_600_000 });
    const { id } = await root();
    const suspended = await store.suspend(id, byFund, 'Review');
    const question = { mandate: id, actingFor: broker, use: use(), at: world.clock.now() };
    expect(await other.check({ ...question, atLeastVersion: suspended.version })).toMatchObject({
      reason: 'mandate_suspended',
    });
    expect(await other.check({ ...question, atLeastVersion: 99 })).toMatchObject({
      valid: false,
      reason: 'mandate_not_found',
    });
  });

  it('sees on one node what was revoked on another', async () => {
    const other = await world.node({ pollEveryMs: 3_600_000 });
    const { id } = await root();
    await expect.poll(() => ask(id, broker, {}, other)).toMatchObject({ valid: true });
    await store.revoke(id, byFund, 'End of relationship');
    await expect.poll(() => ask(id, broker, {}, other)).toMatchObject({ valid: false, reason: 'mandate_revoked' });
  });

  it('does not answer from memory when the log cannot be followed any more', async () => {
    const own = await createConsentWorld();
    const deaf = await own.node({ pollEveryMs: 3_600_000, staleAfterMs: 5_000 });
    const { id } = await own.store.propose(rootProposal(), byFund, key());
    await own.store.accept(id, { termsHash }, byBroker);
    const question = () =>
      deaf.check({ mandate: id, actingFor: broker, use: use(), at: own.clock.now(), atLeastVersion: 2 });
    // What is read while notification of the acceptance is pending is answered but not cached: ask until it is cached.
    await expect
      .poll(async () => ({ ...(await question()), remembered: deaf.remembered() }))
      .toMatchObject({ valid: true, remembered: 1 });
    own.audit.breakDown();
    own.clock.advance(5_000);
    expect(await question()).toMatchObject({ valid: true });
    own.clock.advance(1);
    await expect(question()).rejects.toThrow(coded('log_unavailable'));
    // A clock that is set back must not make stale data fresh.
    own.clock.advance(-60_000);
    await expect(question()).rejects.toThrow(coded('log_unavailable'));
    await own.close();
  });
});

describe('evidence before release', () => {
  it('changes nothing when the log cannot be written', async () => {
    const accepted = await root();
    const same = key();
    world.audit.breakDown('writing');
    await expect(store.revoke(accepted.id, byFund, 'Now')).rejects.toThrow(coded('log_unavailable'));
    await expect(store.propose(rootProposal(), byFund, same)).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    expect(await store.find(accepted.id)).toEqual(accepted);
    expect(await ask(accepted.id, broker)).toMatchObject({ valid: true });
    await expect(store.propose(rootProposal(), byFund, same)).resolves.toMatchObject({ version: 1 });
  });

  it('does not answer a refusal that could not be recorded', async () => {
    world.audit.breakDown('writing');
    await expect(store.propose(rootProposal(), byBroker, key())).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
  });

  it('cannot change or remove a version, even with its own role', async () => {
    const { id } = await root();
    const pool = world.scratch.pool('consent-store');
    await expect(pool.query('update mandate_versions set record_id = record_id where id = $1', [id])).rejects.toThrow(
      /never changed/,
    );
    await expect(pool.query('delete from mandate_versions where id = $1', [id])).rejects.toThrow(/never changed/);
  });
});

describe('the sub-mandates of a mandate', () => {
  it('are found at every depth, including the mandate itself, and nothing else', async () => {
    const parent = await root();
    const bystander = await root();
    const first = await child(parent.id);
    const second = await child(parent.id);
    const { id: below } = await store.propose(
      childProposal(first.id, {
        grantor: { lei: clearer, role: 'ClearingFirm' },
        grantee: { lei: stranger, role: 'Custodian' },
        constraints: { ...constraints, actions: ['settlement:instruct'], delegationDepth: 0 },
      }),
      byClearer,
      key(),
    );
    expect(await store.withDescendants(parent.id)).toEqual([parent.id, first.id, second.id, below].sort());
    expect(await store.withDescendants(first.id)).toEqual([first.id, below].sort());
    expect(await store.withDescendants(bystander.id)).toEqual([bystander.id]);
    expect(await store.withDescendants('mnd_00000000000000000000000000' as MandateId)).toEqual([]);
  });
});

describe('the mandate list', () => {
  it('shows an institution the mandates it grants or holds, page by page', async () => {
    const own = await createConsentWorld();
    const made = [];
    for (let index = 0; index < 3; index++) made.push((await own.store.propose(rootProposal(), byFund, key())).id);
    made.sort();
    expect((await own.store.list({ institution: fund })).map(({ id }) => id)).toEqual(made);
    expect((await own.store.list({ institution: broker, limit: 2 })).map(({ id }) => id)).toEqual(made.slice(0, 2));
    expect((await own.store.list({ institution: broker, after: made[1] as MandateId })).map(({ id }) => id)).toEqual(
      made.slice(2),
    );
    expect(await own.store.list({ institution: stranger })).toEqual([]);
    await own.close();
  });
});
