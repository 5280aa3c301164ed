import { type Actor, type Agent, parsePrincipalId } from '@countersign/contracts';
import { envelopeClaims, isReferenceOf, verifyEnvelope } from '@countersign/envelope';
import { digestOf, newId, type TransactionId } from '@countersign/kernel';
import { importVerificationKey } from '@countersign/oauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actor,
  broker,
  brokerSignatory,
  clearer,
  fundSignatory,
  stranger,
  venue,
} from '../../../consent-store/src/testing/firms.ts';
import { type ApprovingWorld, createApprovingWorld, rita } from '../testing/approving-world.ts';
import { supervisor, trader } from '../testing/trading-world.ts';

const issuer = 'https://countersign.example';
const key = new Uint8Array(32).fill(7);
const asker = (institution: string): Actor => ({ id: 'service:gateway', institution });

let world: ApprovingWorld;
beforeAll(async () => {
  world = await createApprovingWorld();
});
afterAll(() => world.close());

const coded = (code: string) => expect.objectContaining({ code });

/** Issued for the broker and verified, as a recipient does. */
async function issued(id: TransactionId, expected: { readonly intentDigest?: string } = {}) {
  const { envelope: text, recordId } = await world.registry.envelope(id, asker(broker));
  const published = await world.keyring.publicKeys('envelope');
  const keyOf = (kid: string) => {
    const found = published.find((one) => one.kid === kid);
    return found === undefined ? undefined : importVerificationKey(found.jwk);
  };
  const envelope = verifyEnvelope(text, keyOf, { issuer, now: world.clock.now(), transaction: id, ...expected });
  return { text, recordId, envelope };
}

describe('an identity envelope', () => {
  it('states who acts for whom, under which mandates, approvals and decisions, and for which exact intent', async () => {
    const { root } = await world.mandates();
    const order = await world.open(root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
    const approval = await world.approve(supervisor, order);
    const submitted = await world.report(order.id, 'submit');
    await world.report(order.id, 'execute');
    const { envelope } = await issued(order.id, { intentDigest: order.intentDigest });
    expect(envelope).toMatchObject({
      issuer,
      transaction: order.id,
      state: 'executed',
      version: 2,
      intentDigest: order.intentDigest,
      intentType: 'urn:countersign:rar:v1:trade_order',
      subject: { institution: broker },
      actors: [{ institution: venue }, { institution: broker }],
      mandates: [{ id: root.id, version: root.version, digest: root.digest }],
      approvals: [{ id: approval.id, record: approval.recordId }],
      decisions: [{ record: submitted.recordId, policyVersion: 1 }],
      mode: 'manual',
    });
    expect(isReferenceOf(envelope.subject.ref, trader.id, key)).toBe(true);
  });

  it('names no person, for any reader', async () => {
    const { transaction } = await world.reach('submit');
    const { text, envelope } = await issued(transaction.id);
    const [, claims = ''] = text.split('.');
    const read = Buffer.from(claims, 'base64url').toString();
    for (const name of [trader.id, 'tess', 'person:', 'service:']) expect(read).not.toContain(name);
    expect(isReferenceOf(envelope.subject.ref, trader.id, new Uint8Array(32).fill(8))).toBe(false);
  });

  it('is recorded before it is signed, with the digest of the signed content and its basis', async () => {
    const { root } = await world.mandates();
    const order = await world.open(root);
    const approval = await world.approve(rita, order);
    const { envelope, recordId } = await issued(order.id);
    expect(envelope.record).toBe(recordId);
    expect(world.recordsOf(order.id).find(({ id }) => id === recordId)).toMatchObject({
      type: 'envelope.issued',
      outcome: 'done',
      subject: asker(broker),
      payload: digestOf(envelopeClaims(envelope)),
      references: [order.recordId, root.recordId, approval.recordId],
      data: { state: 'intended', version: 0, mode: 'manual' },
    });
  });

  it('is not signed when the log cannot be written', async () => {
    const { transaction } = await world.reach();
    world.audit.breakDown('writing');
    await expect(world.registry.envelope(transaction.id, asker(broker))).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
  });

  it('is valid for five minutes', async () => {
    const { transaction } = await world.reach();
    const { envelope } = await issued(transaction.id);
    expect(envelope.expiresAt - envelope.issuedAt).toBe(300);
  });

  it('keeps its approvals after they have expired, and leaves out withdrawn ones', async () => {
    const { root } = await world.mandates();
    const order = await world.open(root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
    const back = await world.approve(rita, order);
    await world.registry.withdrawApproval(order.id, back.id, actor(rita));
    const approval = await world.approve(supervisor, order);
    await world.report(order.id, 'submit');
    world.clock.advance(3_600_000);
    expect((await issued(order.id)).envelope.approvals).toEqual([{ id: approval.id, record: approval.recordId }]);
    world.clock.advance(-3_600_000);
  });

  it('names the whole chain of mandates up to the root, and none of it when one is not in force', async () => {
    const { root, clearing } = await world.mandates();
    const order = await world.open(clearing);
    expect((await issued(order.id)).envelope.mandates.map(({ id }) => id)).toEqual([clearing.id, root.id]);
    await world.consentStore.suspend(root.id, actor(fundSignatory), 'Review');
    expect((await issued(order.id)).envelope.mandates).toEqual([]);
    await world.consentStore.resume(root.id, actor(fundSignatory), 'Done');
    expect((await issued(order.id)).envelope.mandates).toHaveLength(2);
    await world.consentStore.revoke(clearing.id, actor(brokerSignatory), 'Ended');
    expect((await issued(order.id)).envelope.mandates).toEqual([]);
  });

  it('states when an agent initiated the intent', async () => {
    const id = parsePrincipalId('agent:vwap-1');
    if (id === undefined) throw new Error('no principal id');
    const agent: Pick<Agent, 'id' | 'institution'> = { id, institution: broker };
    const order = await world.begin('trade_order', {}, agent);
    expect((await issued(order.id)).envelope.mode).toBe('automatic');
  });

  it('is issued to parties only; to others the transaction does not exist', async () => {
    const { transaction } = await world.reach();
    await expect(world.registry.envelope(transaction.id, asker(clearer))).resolves.toHaveProperty('envelope');
    for (const by of [asker(stranger), { id: 'service:nowhere' }])
      await expect(world.registry.envelope(transaction.id, by)).rejects.toThrow(coded('transaction_not_found'));
    await expect(world.registry.envelope(newId('transaction', world), asker(broker))).rejects.toThrow(
      coded('transaction_not_found'),
    );
  });

  it('does not match a message in which one field was changed', async () => {
    const { transaction } = await world.reach();
    await expect(issued(transaction.id, { intentDigest: digestOf('another intent') })).rejects.toThrow(
      coded('envelope_intent'),
    );
  });

  it('is a consistent snapshot, even while the transaction advances', async () => {
    const { transaction } = await world.reach();
    const [first, , second] = await Promise.all([
      issued(transaction.id),
      world.report(transaction.id, 'submit'),
      issued(transaction.id),
    ]);
    for (const { envelope } of [first, second])
      expect([
        ['intended', 0, 0],
        ['submitted', 1, 1],
      ]).toContainEqual([envelope.state, envelope.version, envelope.decisions.length]);
  });
});
