import { envelopeJwsHeader, type IdentityEnvelope, signEnvelope, subjectReference } from '@countersign/envelope';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { digestOfIntent, parseAuthorizationDetails } from '@countersign/market';
import { fixedClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEnvelopeVerifier, digestOfReceivedIntent, toHttpField } from './envelope.ts';
import { generateSigningKey } from './keys.ts';
import { type SmallIssuer, startSmallIssuer } from './testing/small-issuer.ts';

const from = { clock: systemClock, random: systemRandom };
const path = '/transactions/keys';
const intent = {
  type: 'urn:countersign:rar:v1:withdrawal',
  locations: ['https://custodian.example'],
  actions: ['request'],
  entity_lei: '529900T8BM49AURSDO55',
  mandate_id: newId('mandate', from),
  idempotency_key: 'withdrawal-1',
  not_after: '2026-12-01T00:00:00Z',
  jurisdiction: 'DE',
  asset: { dti: 'X9J9K872S' },
  chain_id: 'eip155:1',
  network: 'ethereum',
  address_id: 'VAULT-1',
  amount: '12.5',
  max_fee: '0.01',
};

describe('the envelope of a message', () => {
  const clock = fixedClock(Date.now());
  let key = generateSigningKey();
  let issuer: SmallIssuer;

  beforeEach(async () => {
    issuer = await startSmallIssuer();
    key = generateSigningKey();
    issuer.keys.set(path, [key]);
  });
  afterEach(() => issuer.close());

  const intentDigest = digestOfReceivedIntent(intent) ?? expect.unreachable();
  const transaction = newId('transaction', from);
  const issued = (change: Partial<IdentityEnvelope> = {}, by = key): Promise<string> => {
    const issuedAt = Math.floor(clock.now() / 1000);
    const envelope: IdentityEnvelope = {
      issuer: issuer.url,
      issuedAt,
      expiresAt: issuedAt + 300,
      record: newId('record', from),
      transaction,
      state: 'requested',
      version: 1,
      intentDigest,
      intentType: intent.type,
      subject: { ref: subjectReference('person:anna', Buffer.alloc(32, 1)), institution: intent.entity_lei },
      actors: [],
      mandates: [],
      approvals: [],
      decisions: [],
      mode: 'manual',
      ...change,
    };
    return signEnvelope(envelope, envelopeJwsHeader(by), async (input) => by.sign(input));
  };
  const verifier = () => createEnvelopeVerifier({ issuer: issuer.url, clock });

  it('is verified with the published envelope keys and compared with the message', async () => {
    const headers = { ...toHttpField(await issued()), accept: '*/*' };
    const verified = await verifier().verifyRequest(headers, { transaction, intentDigest });
    expect(verified).toMatchObject({ transaction, state: 'requested', mode: 'manual' });
    expect(issuer.keyFetches(path)).toBe(1);
  });

  it.each<[string, object]>([
    ['another amount', { amount: '12.6' }],
    ['another address', { address_id: 'VAULT-2' }],
    ['a field more', { calldata_hash: `0x${'0'.repeat(64)}` }],
  ])('does not match an intent of %s', async (_, change) => {
    const received = digestOfReceivedIntent({ ...intent, ...change });
    if (received === undefined) return expect.unreachable();
    await expect(verifier().verify(await issued(), { intentDigest: received })).rejects.toMatchObject({
      code: 'envelope_intent',
    });
  });

  it('does not match another transaction, nor none at all', async () => {
    const other = newId('transaction', from);
    await expect(verifier().verify(await issued(), { transaction: other })).rejects.toMatchObject({
      code: 'envelope_transaction',
    });
    await expect(verifier().verifyRequest({}, { transaction })).rejects.toMatchObject({ code: 'envelope_malformed' });
  });

  it('is refused once it has expired, or from another control plane', async () => {
    const text = await issued();
    const foreign = await issued({ issuer: 'https://other.example' });
    await expect(verifier().verify(foreign, {})).rejects.toMatchObject({ code: 'envelope_issuer' });
    clock.advance(300_000);
    await expect(verifier().verify(text, {})).rejects.toMatchObject({ code: 'envelope_expired' });
  });

  it('is verified with a newly published key, which is fetched once', async () => {
    const checks = verifier();
    await checks.verify(await issued(), {});
    const next = generateSigningKey();
    issuer.keys.set(path, [key, next]);
    clock.advance(6_000);
    expect(await checks.verify(await issued({}, next), {})).toMatchObject({ transaction });
    const strange = generateSigningKey();
    for (let attempt = 0; attempt < 5; attempt++)
      await expect(checks.verify(await issued({}, strange), {})).rejects.toMatchObject({
        code: 'envelope_key_unknown',
      });
    expect(issuer.keyFetches(path)).toBe(2);
  });

  it('is refused while the keys are unavailable', async () => {
    issuer.keys.delete(path);
    await expect(verifier().verify(await issued(), {})).rejects.toMatchObject({ code: 'issuer_keys_unavailable' });
  });

  it('has the control plane’s digest of the intent, whoever takes part and how', () => {
    const parsed = parseAuthorizationDetails([intent]);
    const detail = parsed.ok ? parsed.value[0] : undefined;
    if (detail === undefined) return expect.unreachable('the intent is none');
    expect(intentDigest).toBe(digestOfIntent(detail));
    expect(digestOfReceivedIntent({ ...intent, locations: ['https://venue.example'], actions: ['release'] })).toBe(
      intentDigest,
    );
    expect(digestOfReceivedIntent([intent])).toBeUndefined();
  });
});
