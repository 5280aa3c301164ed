import {
  type Actor,
  type Mandate,
  type MandateAnswer,
  parsePrincipalId,
  type SigningAuthority,
} from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import {
  actor,
  broker,
  brokerClerk,
  childProposal,
  clearer,
  constraints,
  custodian,
  custodianSignatory,
  fund,
  personOf,
  rootProposal,
  stranger,
  termsHash,
} from './testing/firms.ts';
import { byBroker, byClearer, byFund, givenChild, givenRoot, newKey, permittedUse } from './testing/given-mandates.ts';

let world: ConsentWorld;
const byCustodian = actor(custodianSignatory);

beforeAll(async () => {
  world = await createConsentWorld();
});
afterAll(() => world.close());

const coded = (code: string) => expect.objectContaining({ code });
const oneVenue = { constraints: { ...constraints, venues: ['XETR'] } };

function ask(
  mandate: Mandate,
  actingFor: Lei,
  changes: Record<string, unknown> = {},
  at = world.clock.now(),
): Promise<MandateAnswer> {
  return world.store.check({ mandate: mandate.id, actingFor, use: permittedUse(at, changes), at });
}

async function amended(mandate: Mandate, change: object, by: Actor, ...others: Actor[]): Promise<Mandate> {
  let next = await world.store.amend(mandate.id, change, by, newKey());
  const termsDigest = next.amendment?.termsDigest ?? '';
  for (const other of others) next = await world.store.acceptAmendment(mandate.id, { termsDigest }, other);
  return next;
}

describe('amending a mandate', () => {
  it('leaves the current terms in force until every party has consented', async () => {
    const root = await givenRoot(world.store);
    const proposed = await amended(root, oneVenue, byFund);
    expect(proposed).toMatchObject({
      version: 3,
      status: 'active',
      constraints: { venues: ['XETR', 'XPAR'] },
      amendment: { kind: 'amendment', terms: { constraints: { venues: ['XETR'] } } },
    });
    expect(await ask(root, broker, { venue: 'XPAR' })).toMatchObject({ valid: true });

    const termsDigest = proposed.amendment?.termsDigest ?? '';
    const next = await world.store.acceptAmendment(root.id, { termsDigest }, byBroker);
    expect(next).toMatchObject({ version: 4, status: 'active', constraints: { venues: ['XETR'] } });
    expect(next.amendment).toBeUndefined();
    expect(next.consents.map(({ lei, termsDigest }) => [lei, termsDigest])).toEqual([
      [fund, termsDigest],
      [broker, termsDigest],
    ]);
    expect(await ask(root, broker, { venue: 'XPAR' })).toMatchObject({ valid: false, reason: 'mandate_venue' });
    expect(world.audit.records.filter(({ mandate }) => mandate?.id === root.id).map(({ type }) => type)).toEqual([
      'mandate.proposed',
      'mandate.accepted',
      'mandate.amendment-proposed',
      'mandate.amended',
    ]);
  });

  it('can be started by any party, and by nobody else', async () => {
    const root = await givenRoot(world.store);
    for (const by of [actor(brokerClerk), byClearer])
      await expect(world.store.amend(root.id, oneVenue, by, newKey())).rejects.toThrow(coded('not_a_signatory'));
    expect(await amended(root, oneVenue, byBroker, byFund)).toMatchObject({ constraints: { venues: ['XETR'] } });
  });

  it('creates one amendment for a request repeated with the same key, even long after it was settled', async () => {
    const root = await givenRoot(world.store);
    const key = newKey();
    const made = await Promise.all(Array.from({ length: 5 }, () => world.store.amend(root.id, oneVenue, byFund, key)));
    expect(new Set(made.map(({ digest }) => digest)).size).toBe(1);
    const termsDigest = made[0]?.amendment?.termsDigest ?? '';
    const settled = await world.store.acceptAmendment(root.id, { termsDigest }, byBroker);
    expect(await world.store.amend(root.id, oneVenue, byFund, key)).toEqual(made[0]);
    expect(await world.store.acceptAmendment(root.id, { termsDigest }, byBroker)).toEqual(settled);
    await expect(world.store.amend(root.id, { termsHash: digestOf('others') }, byFund, key)).rejects.toThrow(
      coded('idempotency_conflict'),
    );
    expect(await world.store.history(root.id)).toHaveLength(4);
  });

  it('allows one amendment at a time, and another once it is withdrawn', async () => {
    const root = await givenRoot(world.store);
    await amended(root, oneVenue, byFund);
    await expect(world.store.amend(root.id, { termsHash: digestOf('others') }, byBroker, newKey())).rejects.toThrow(
      coded('amendment_pending'),
    );
    await expect(world.store.withdrawAmendment(root.id, byClearer, 'Not mine')).rejects.toThrow(
      coded('not_a_signatory'),
    );
    const withdrawn = await world.store.withdrawAmendment(root.id, byBroker, 'Not agreed');
    expect(withdrawn.amendment).toBeUndefined();
    expect(await world.store.withdrawAmendment(root.id, byBroker, 'Not agreed')).toEqual(withdrawn);
    const again = await amended(root, { termsHash: digestOf('others') }, byBroker, byFund);
    expect(again.termsHash).toBe(digestOf('others'));
    await expect(world.store.withdrawAmendment(root.id, byBroker, 'Too late')).rejects.toThrow(
      coded('amendment_not_found'),
    );
  });

  it('is consented to by naming its exact terms', async () => {
    const root = await givenRoot(world.store);
    const first = await amended(root, oneVenue, byFund);
    await world.store.withdrawAmendment(root.id, byFund, 'A better one');
    await amended(root, { ...oneVenue, termsHash: digestOf('hidden') }, byFund);
    const termsDigest = first.amendment?.termsDigest ?? '';
    await expect(world.store.acceptAmendment(root.id, { termsDigest }, byBroker)).rejects.toThrow(
      coded('terms_hash_mismatch'),
    );
    expect((await world.store.find(root.id))?.constraints.venues).toEqual(['XETR', 'XPAR']);
    const none = await givenRoot(world.store);
    await expect(world.store.acceptAmendment(none.id, { termsDigest }, byBroker)).rejects.toThrow(
      coded('amendment_not_found'),
    );
  });

  it('cannot be consented to a second time by its proposer', async () => {
    const root = await givenRoot(world.store);
    const proposed = await amended(root, oneVenue, byFund);
    const termsDigest = proposed.amendment?.termsDigest ?? '';
    expect(await world.store.acceptAmendment(root.id, { termsDigest }, byFund)).toEqual(proposed);
    expect(world.audit.ofType('mandate.amended').filter(({ mandate }) => mandate?.id === root.id)).toEqual([]);
  });

  it.each([
    ['nothing', { constraints }],
    ['an end in the past', { effectiveFrom: '2026-01-01T00:00:00Z', effectiveUntil: '2026-02-01T00:00:00Z' }],
    ['a party replaced by itself', { replace: { part: 'grantee', by: { lei: broker, role: 'ClearingFirm' } } }],
    [
      'a third party where there is none',
      { replace: { part: 'thirdParty', by: { lei: custodian, role: 'Custodian' } } },
    ],
    ['an unknown part', { replace: { part: 'fourthParty', by: { lei: custodian, role: 'Custodian' } } }],
    ['a party by the other one', { replace: { part: 'grantee', by: { lei: fund, role: 'Client' } } }],
    [
      'a party and the constraints with it',
      { ...oneVenue, replace: { part: 'grantee', by: { lei: clearer, role: 'ClearingFirm' } } },
    ],
  ])('refuses a change of %s', async (_, change) => {
    const root = await givenRoot(world.store);
    await expect(world.store.amend(root.id, change, byFund, newKey())).rejects.toThrow(/^mandate_(?:invalid|expired)/);
    expect(await world.store.history(root.id)).toHaveLength(2);
  });

  it('is refused for a mandate that is proposed or ended, and lapses when the mandate ends', async () => {
    const { id } = await world.store.propose(rootProposal(), byFund, newKey());
    await expect(world.store.amend(id, oneVenue, byFund, newKey())).rejects.toThrow(coded('mandate_state'));
    const root = await givenRoot(world.store);
    const proposed = await amended(root, oneVenue, byFund);
    const revoked = await world.store.revoke(root.id, byBroker, 'End of relationship');
    expect(revoked.amendment).toBeUndefined();
    const termsDigest = proposed.amendment?.termsDigest ?? '';
    await expect(world.store.acceptAmendment(root.id, { termsDigest }, byBroker)).rejects.toThrow(
      coded('amendment_not_found'),
    );
    await expect(world.store.amend(root.id, oneVenue, byFund, newKey())).rejects.toThrow(coded('mandate_revoked'));
  });

  it('changes nothing when the log cannot be written', async () => {
    const root = await givenRoot(world.store);
    const proposed = await amended(root, oneVenue, byFund);
    const termsDigest = proposed.amendment?.termsDigest ?? '';
    world.audit.breakDown('writing');
    await expect(world.store.acceptAmendment(root.id, { termsDigest }, byBroker)).rejects.toThrow(
      coded('log_unavailable'),
    );
    world.audit.repair();
    expect(await world.store.find(root.id)).toEqual(proposed);
    expect(await ask(root, broker, { venue: 'XPAR' })).toMatchObject({ valid: true });
  });

  it('orders an amendment and a revocation that arrive together', async () => {
    const root = await givenRoot(world.store);
    const proposed = await amended(root, oneVenue, byFund);
    const termsDigest = proposed.amendment?.termsDigest ?? '';
    await Promise.allSettled([
      world.store.acceptAmendment(root.id, { termsDigest }, byBroker),
      world.store.revoke(root.id, byFund, 'Now'),
      world.store.acceptAmendment(root.id, { termsDigest }, byBroker),
    ]);
    const history = await world.store.history(root.id);
    expect(history.at(-1)?.status).toBe('revoked');
    expect(history.map(({ version }) => version)).toEqual(history.map((_, index) => index + 1));
    expect(await ask(root, broker)).toMatchObject({ reason: 'mandate_revoked' });
  });
});

describe('amending a chain of mandates', () => {
  it('restricts sub-mandates to the amended parent', async () => {
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id);
    expect(await ask(child, clearer, { venue: 'XPAR' })).toMatchObject({ valid: true });
    await amended(root, oneVenue, byFund, byBroker);
    expect((await world.store.find(child.id))?.constraints.venues).toEqual(['XETR', 'XPAR']);
    expect(await ask(child, clearer, { venue: 'XPAR' })).toMatchObject({
      valid: false,
      reason: 'mandate_venue',
      atFault: { id: root.id },
    });
    expect(await ask(child, clearer)).toMatchObject({ valid: true });
  });

  it('checks an amended sub-mandate against its parent, at the proposal and at the consent', async () => {
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id);
    const narrow = { ...child.constraints, venues: ['XETR'] };
    await expect(
      world.store.amend(child.id, { constraints: { ...child.constraints, venues: ['XLON'] } }, byBroker, newKey()),
    ).rejects.toThrow(coded('mandate_wider'));
    const paris = { constraints: { ...narrow, venues: ['XPAR'] } };
    const proposed = await amended(child, paris, byBroker);
    await amended(root, oneVenue, byFund, byBroker);
    const termsDigest = proposed.amendment?.termsDigest ?? '';
    await expect(world.store.acceptAmendment(child.id, { termsDigest }, byClearer)).rejects.toThrow(
      coded('mandate_wider'),
    );
  });

  it('reveals the limits of a mandate only to its parties', async () => {
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id);
    const more = { ...child.constraints, notionalPerOrder: { amount: '2500000', ccy: 'EUR' } };
    const refusal = (by: Actor) =>
      world.store.amend(child.id, { constraints: more }, by, newKey()).catch((error: unknown) => error);
    expect(await refusal(byBroker)).toMatchObject({
      code: 'mandate_wider',
      facts: { counterexample: { constraint: 'notionalPerOrder' } },
    });
    const told = await refusal(byClearer);
    expect(told).toMatchObject({ code: 'mandate_wider' });
    expect(told).not.toHaveProperty('facts.counterexample');
    expect(String(told)).not.toContain('2000001');
  });

  it('names the version of the parent that an amendment was checked against', async () => {
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id);
    const wider = await amended(root, { termsHash: digestOf('second edition') }, byFund, byBroker);
    const next = await amended(child, { termsHash: digestOf('second edition') }, byBroker, byClearer);
    expect(next.parent).toEqual({ id: root.id, version: wider.version, digest: wider.digest });
  });
});

describe('changing a counterparty', () => {
  const toClearer = { replace: { part: 'grantee', by: { lei: clearer, role: 'ClearingFirm' } } };

  it('needs the consent of the leaving, the joining and the remaining party', async () => {
    const root = await givenRoot(world.store);
    const proposed = await amended(root, toClearer, byFund);
    const termsDigest = proposed.amendment?.termsDigest ?? '';
    expect(proposed.amendment?.kind).toBe('counterparty-change');
    expect((await world.store.list({ institution: clearer })).map(({ id }) => id)).toContain(root.id);
    await expect(world.store.acceptAmendment(root.id, { termsDigest }, byCustodian)).rejects.toThrow(
      coded('not_a_signatory'),
    );
    const half = await world.store.acceptAmendment(root.id, { termsDigest }, byClearer);
    expect(half.grantee.lei).toBe(broker);
    expect(await ask(root, broker)).toMatchObject({ valid: true });
    expect(await ask(root, clearer)).toMatchObject({ valid: false, reason: 'mandate_grantee' });

    const changed = await world.store.acceptAmendment(root.id, { termsDigest }, byBroker);
    expect(changed.grantee).toEqual({ lei: clearer, role: 'ClearingFirm' });
    expect(await ask(root, clearer)).toMatchObject({ valid: true });
    expect(await ask(root, broker)).toMatchObject({ valid: false, reason: 'mandate_grantee' });
    expect((await world.store.list({ institution: broker })).map(({ id }) => id)).not.toContain(root.id);
    expect(world.audit.ofType('mandate.amended').at(-1)?.data).toMatchObject({
      replaced: [{ part: 'grantee', lei: broker, succession: false }],
    });
  });

  it('ends the sub-mandates of the leaving party', async () => {
    const root = await givenRoot(world.store);
    const toCustodian = { grantee: { lei: custodian, role: 'Custodian' } };
    const child = await givenChild(world.store, root.id, toCustodian, byCustodian);
    expect(await ask(child, custodian)).toMatchObject({ valid: true });
    expect(await ask(root, custodian)).toMatchObject({ valid: true });
    await amended(root, toClearer, byFund, byBroker, byClearer);
    for (const named of [child, root])
      expect(await ask(named, custodian)).toMatchObject({
        valid: false,
        reason: 'mandate_parent_not_active',
        atFault: { id: child.id },
      });
  });

  it('does not restore earlier sub-mandates when the leaving party comes back', async () => {
    const root = await givenRoot(world.store);
    const toCustodian = { grantee: { lei: custodian, role: 'Custodian' } };
    const child = await givenChild(world.store, root.id, toCustodian, byCustodian);
    const waiting = await world.store.propose(childProposal(root.id, toCustodian), byBroker, newKey());
    const other = await givenChild(world.store, root.id, toCustodian, byCustodian);
    const edition = { termsHash: digestOf('second edition') };
    const amendment = await amended(other, edition, byBroker);
    const toBroker = { replace: { part: 'grantee', by: { lei: broker, role: 'ExecutingBroker' } } };
    await amended(root, toClearer, byFund, byBroker, byClearer);
    expect(await amended(root, toBroker, byFund, byClearer, byBroker)).toMatchObject({ grantee: { lei: broker } });

    expect(await ask(child, custodian)).toMatchObject({ valid: false, reason: 'mandate_parent_not_active' });
    expect(await ask(root, custodian)).toMatchObject({ valid: false });
    await expect(world.store.accept(waiting.id, { termsHash }, byCustodian)).rejects.toThrow(
      coded('mandate_parent_not_active'),
    );
    const termsDigest = amendment.amendment?.termsDigest ?? '';
    await expect(world.store.acceptAmendment(other.id, { termsDigest }, byCustodian)).rejects.toThrow(
      coded('mandate_parent_not_active'),
    );
    await expect(
      world.store.propose(
        childProposal(child.id, { grantor: toCustodian.grantee, grantee: { lei: clearer, role: 'ClearingFirm' } }),
        byCustodian,
        newKey(),
      ),
    ).rejects.toThrow(coded('mandate_parent_not_active'));
    // With everybody's consent it is granted anew.
    await amended(child, edition, byBroker, byCustodian);
    expect(await ask(child, custodian)).toMatchObject({ valid: true });
  });

  it('skips a party that no longer exists: succession', async () => {
    const root = await givenRoot(world.store);
    const firm = world.directory.institutions.get(broker);
    if (firm === undefined) throw new Error('no broker');
    world.directory.institutions.set(broker, { ...firm, leiStatus: 'LAPSED' });
    const proposed = await amended(root, toClearer, byFund);
    const termsDigest = proposed.amendment?.termsDigest ?? '';
    const half = await world.store.acceptAmendment(root.id, { termsDigest }, byClearer);
    expect(half.grantee.lei).toBe(broker);
    await world.store.withdrawAmendment(root.id, byFund, 'Wait for the register');
    world.directory.institutions.set(broker, { ...firm, leiStatus: 'RETIRED' });
    expect(await amended(root, toClearer, byFund, byClearer)).toMatchObject({ grantee: { lei: clearer } });
    expect(world.audit.ofType('mandate.amended').at(-1)?.data).toMatchObject({
      replaced: [{ part: 'grantee', lei: broker, succession: true }],
    });
    world.directory.institutions.set(broker, firm);
  });

  it('is refused for an institution that cannot act', async () => {
    const root = await givenRoot(world.store);
    const firm = world.directory.institutions.get(stranger);
    if (firm === undefined) throw new Error('no stranger');
    world.directory.institutions.set(stranger, { ...firm, leiStatus: 'LAPSED' });
    const change = { replace: { part: 'grantee', by: { lei: stranger, role: 'ClearingFirm' } } };
    await expect(world.store.amend(root.id, change, byFund, newKey())).rejects.toThrow(coded('mandate_invalid'));
    world.directory.institutions.set(stranger, firm);
  });
});

describe('a three-party mandate', () => {
  const triParty = {
    kind: 'tri-party-rule',
    thirdParty: { lei: custodian, role: 'Custodian' },
  };

  async function rule(): Promise<Mandate> {
    const { id } = await world.store.propose(rootProposal(triParty), byFund, newKey());
    const half = await world.store.accept(id, { termsHash }, byBroker);
    expect(half).toMatchObject({ status: 'proposed', version: 2 });
    expect(await ask(half, broker)).toMatchObject({ reason: 'mandate_not_accepted' });
    return world.store.accept(id, { termsHash }, byCustodian);
  }

  it('is in force when all three have consented, for its grantee', async () => {
    const made = await rule();
    expect(made.status).toBe('active');
    expect(made.consents.map(({ part }) => part)).toEqual(['grantor', 'grantee', 'thirdParty']);
    expect(await ask(made, broker)).toMatchObject({ valid: true });
    expect(await ask(made, custodian)).toMatchObject({ valid: false, reason: 'mandate_grantee' });
    expect((await world.store.list({ institution: custodian, kind: 'tri-party-rule' })).map(({ id }) => id)).toContain(
      made.id,
    );
  });

  it('is changed by all three, and ended by any one of them', async () => {
    const made = await rule();
    const two = await amended(made, oneVenue, byFund, byBroker);
    expect(two.constraints.venues).toEqual(['XETR', 'XPAR']);
    const termsDigest = two.amendment?.termsDigest ?? '';
    expect((await world.store.acceptAmendment(made.id, { termsDigest }, byCustodian)).constraints.venues).toEqual([
      'XETR',
    ]);
    await expect(world.store.suspend(made.id, byCustodian, 'Not mine')).rejects.toThrow(coded('not_a_signatory'));
    expect((await world.store.revoke(made.id, byCustodian, 'End')).status).toBe('revoked');
  });

  it.each([
    ['a rule without a third party', { kind: 'tri-party-rule' }],
    ['a third party of a mandate', { thirdParty: triParty.thirdParty }],
    ['a third party that is one of the two', { ...triParty, thirdParty: { lei: broker, role: 'Custodian' } }],
    ['an invalid kind', { kind: 'carte-blanche' }],
  ])('is refused %s', async (_, changes) => {
    await expect(world.store.propose(rootProposal(changes), byFund, newKey())).rejects.toThrow(
      coded('mandate_invalid'),
    );
  });
});

describe('mandate kinds', () => {
  it('give no authority by an onboarding agreement, and no sub-mandate of an instruction', async () => {
    const agreement = await givenRoot(world.store, { kind: 'onboarding-agreement' });
    expect(await ask(agreement, broker)).toMatchObject({ valid: false, reason: 'mandate_action' });
    await expect(givenChild(world.store, agreement.id)).rejects.toThrow(coded('mandate_wider'));
    const instruction = await givenRoot(world.store, { kind: 'instruction' });
    expect(await ask(instruction, broker)).toMatchObject({ valid: true, mandate: { kind: 'instruction' } });
    await expect(givenChild(world.store, instruction.id)).rejects.toThrow(coded('mandate_wider'));
  });

  it('do not share an idempotency key', async () => {
    const key = newKey();
    await world.store.propose(rootProposal(), byFund, key);
    await expect(world.store.propose(rootProposal({ kind: 'standing-authority' }), byFund, key)).rejects.toThrow(
      coded('idempotency_conflict'),
    );
    expect(await world.store.propose(rootProposal({ kind: 'mandate' }), byFund, key)).toMatchObject({ version: 1 });
  });
});

describe('signatories', () => {
  const second = personOf(fund, 'fred', 'signatory');
  const joint = { alone: false };

  function letSign(person: typeof second, changes: object): Actor {
    world.directory.principals.set(person.id, { ...person, ...changes });
    return actor(person);
  }

  it('limited to joint signing afterwards no longer bind alone by earlier signatures', async () => {
    const jean = personOf(fund, 'jean', 'signatory');
    const { id } = await world.store.propose(rootProposal(), letSign(jean, {}), newKey());
    letSign(jean, { signingAuthority: joint });
    expect((await world.store.accept(id, { termsHash }, byBroker)).status).toBe('proposed');
    expect((await world.store.accept(id, { termsHash }, byFund)).status).toBe('active');
  });

  it('who bind only jointly are two people, not one twice', async () => {
    const [one, two] = [
      letSign(personOf(fund, 'jo', 'signatory'), { signingAuthority: joint }),
      letSign(second, { signingAuthority: joint }),
    ];
    const { id, consents } = await world.store.propose(rootProposal(), one, newKey());
    expect(consents).toMatchObject([{ signatory: one.id, authority: 'joint' }]);
    expect((await world.store.accept(id, { termsHash }, byBroker)).status).toBe('proposed');
    await expect(world.store.accept(id, { termsHash }, one)).rejects.toThrow(coded('signatory_repeated'));
    const active = await world.store.accept(id, { termsHash }, two);
    expect(active.status).toBe('active');
    expect(await world.store.accept(id, { termsHash }, two)).toEqual(active);
    await world.store.suspend(id, one, 'Taking away needs one');
    await expect(world.store.resume(id, two, 'Giving back needs more')).rejects.toThrow(coded('signatory_authority'));
  });

  it.each([
    ['kind', { kinds: ['instruction'], alone: true }, 'signatory_authority'],
    ['amount', { upTo: { amount: '4999999', ccy: 'EUR' }, alone: true }, 'signatory_authority'],
    ['currency', { upTo: { amount: '9000000', ccy: 'USD' }, alone: true }, 'signatory_authority'],
  ])('bind no further than their authority: %s', async (_, signingAuthority, code) => {
    const by = letSign(second, { signingAuthority });
    await expect(world.store.propose(rootProposal(), by, newKey())).rejects.toThrow(coded(code));
    expect(world.audit.ofType('mandate.refused').at(-1)).toMatchObject({ reason: code, subject: by });
  });

  it('that are software sign only up to an amount, but can always revoke', async () => {
    const id = parsePrincipalId('service:signs');
    if (id === undefined) throw new Error('a broken fixture');
    const service = { kind: 'service', id, institution: fund, roles: ['signatory'] } as const;
    const by = { id: service.id, institution: fund };
    const give = (signingAuthority?: SigningAuthority) =>
      world.directory.principals.set(service.id, {
        ...service,
        ...(signingAuthority === undefined ? {} : { signingAuthority }),
      });
    give();
    await expect(world.store.propose(rootProposal(), by, newKey())).rejects.toThrow(coded('signatory_authority'));
    expect(world.audit.ofType('mandate.refused').at(-1)).toMatchObject({ reason: 'signatory_authority', subject: by });
    give({ kinds: ['mandate'], alone: true });
    await expect(world.store.propose(rootProposal(), by, newKey())).rejects.toThrow(coded('signatory_authority'));
    give({ upTo: { amount: '5000000', ccy: 'EUR' }, alone: true });
    const made = await world.store.propose(rootProposal(), by, newKey());
    await world.store.accept(made.id, { termsHash }, byBroker);
    give();
    expect((await world.store.revoke(made.id, by, 'Taking away needs no amount')).status).toBe('revoked');
  });

  it('bind up to exactly their limit', async () => {
    const by = letSign(second, { signingAuthority: { upTo: { amount: '5000000', ccy: 'EUR' }, alone: true } });
    expect(await world.store.propose(rootProposal(), by, newKey())).toMatchObject({ version: 1 });
  });

  it('who are inactive bind nobody', async () => {
    const by = letSign(second, { active: false });
    await expect(world.store.propose(rootProposal(), by, newKey())).rejects.toThrow(coded('not_a_signatory'));
  });

  it('who leave before the last consent must be replaced by another', async () => {
    const by = letSign(second, {});
    const { id } = await world.store.propose(rootProposal(), by, newKey());
    world.directory.principals.delete(second.id);
    expect((await world.store.accept(id, { termsHash }, byBroker)).status).toBe('proposed');
    expect((await world.store.accept(id, { termsHash }, byFund)).status).toBe('active');
  });
});
