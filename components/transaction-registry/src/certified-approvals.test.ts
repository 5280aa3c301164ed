import type { CertificateSignatureSettings, OpenedTransaction, Person } from '@countersign/contracts';
import { type EvidenceBundle, verifyBundle } from '@countersign/evidence';
import { digestOf, type TransactionId } from '@countersign/kernel';
import { importVerificationKey } from '@countersign/oauth';
import { publicKeyJwk } from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Holder } from '../../../protocols/x509/src/testing/new-authority.ts';
import { createRig, type Rig } from '../../audit-log/src/testing/rig.ts';
import { actor } from '../../consent-store/src/testing/firms.ts';
import { approvalClaims } from './testing/approver.ts';
import {
  type ApprovingWorld,
  createApprovingWorld,
  foreignOperations,
  olga,
  oscar,
} from './testing/approving-world.ts';
import {
  type Card,
  newAuthority,
  newCard,
  recordIssuance,
  revokeCard,
  type Signing,
  signWithCard,
  statusOf,
} from './testing/card-authority.ts';
import { trader } from './testing/trading-world.ts';
import type { TransactionRegistryComponent } from './transaction-registry.ts';

let rig: Rig;
let log: Awaited<ReturnType<Rig['open']>>;
let world: ApprovingWorld;
let registry: TransactionRegistryComponent;
let authority: Holder;
let partner: Holder;
const minute = 60_000;

beforeAll(async () => {
  rig = await createRig();
  // The log's clock is ahead; all of this happens on the date of the test world.
  rig.clock.advance(Date.parse('2026-06-15T10:00:00Z') - rig.clock.now());
  log = await rig.open();
  world = await createApprovingWorld(log);
  authority = newAuthority('People', world.clock.now());
  partner = newAuthority('Partner', world.clock.now());
  registry = withCertificates({});
});
afterAll(async () => {
  await world.close();
  await rig.close();
});

const now = () => world.clock.now();
const coded = (code: string) => expect.objectContaining({ code });

function withCertificates(
  changes: Partial<CertificateSignatureSettings>,
  acrValues = ['phrh'],
): TransactionRegistryComponent {
  const partners = [
    {
      ...{
        institution: olga.institution,
        anchors: [partner.certificate],
        purposes: ['1.3.9.1'],
        policies: ['1.3.9.9'],
      },
      acr: 'phrh',
      people: { by: 'email' as const, issuer: 'https://pki.partner.example' },
    },
  ];
  const certificates = { acr: 'phrh', maxStatusAgeMs: 10 * minute, partners, ...changes };
  return world.registryWith({ certificates, acrValues, directoryKeys: false });
}

async function cardOf(person: Person, options: Parameters<typeof newCard>[2] = {}): Promise<Card> {
  const card = newCard(authority, now(), options);
  await recordIssuance(world, card, person);
  return card;
}

const begin = () => world.begin('privileged_admin');
const claimsOf = (person: Person, target: OpenedTransaction) => approvalClaims(person, target, now());

async function approve(
  person: Person,
  card: Card,
  target: OpenedTransaction,
  signing: Signing & { readonly claims?: Readonly<Record<string, unknown>> } = {},
) {
  const claims = { ...claimsOf(person, target), ...signing.claims };
  return registry.approve(target.id, await signWithCard(card, claims, now(), signing));
}

const exported = (transaction: TransactionId): Promise<EvidenceBundle> =>
  log.exportBundle({ transaction, requester: { id: 'service:auditor' } });

function verified(bundle: EvidenceBundle, certificateAuthorities: readonly Uint8Array[] = []) {
  const trust = { logVerifierKey: log.verifierKey(), certificateAuthorities };
  const { steps } = verifyBundle(bundle, { trust });
  return {
    faults: steps.filter(({ ok }) => !ok).map(({ code, detail }) => `${code} ${detail}`),
    approvals: steps.find(({ step }) => step === 'approvals'),
  };
}

function approvalFaults(bundle: EvidenceBundle): readonly string[] {
  return verified(bundle).faults.filter((fault) => fault.startsWith('approval'));
}

describe('an approval with a certificate of our own authority', () => {
  it('counts, names the certificate in the record, and is verified offline with its status', async () => {
    const change = await begin();
    for (const person of [olga, oscar]) await approve(person, await cardOf(person), change);
    const [first] = world.recordsOf(change.id).filter(({ type }) => type === 'approval.given');
    expect(first).toMatchObject({
      subject: { id: olga.id },
      certificate: { serial: expect.stringMatching(/^[0-9a-f]{32}$/), thumbprint: expect.any(String) },
      data: { jws: expect.any(String), key: { kty: 'EC' } },
    });
    expect((await registry.facts(change.id))?.approvals.map(({ method }) => method)).toEqual([
      'certificate',
      'certificate',
    ]);
    await registry.transition({
      ...{ transaction: change.id, event: 'apply', idempotencyKey: world.next('apply'), body: {} },
      by: { ...actor(trader), client: 'broker-desk' },
    });
    const { faults, approvals } = verified(await exported(change.id));
    expect(faults).toEqual([]);
    expect(approvals?.detail).toBe('2 approvals verified. 2 of them with a certificate that was good when it signed.');
  });

  it.each(['EdDSA', 'PS256'] as const)('may be signed with %s', async (algorithm) => {
    const change = await begin();
    await approve(olga, await cardOf(olga, { algorithm }), change);
    expect(approvalFaults(await exported(change.id))).toEqual([]);
  });

  it('covers several transactions under one signature', async () => {
    const targets = [await begin(), await begin()];
    const items = targets.map(({ id, intentDigest }) => ({ txn: id, intent_digest: intentDigest }));
    const { txn: _txn, intent_digest: _digest, ...claims } = approvalClaims(olga, { id: '', intentDigest: '' }, now());
    const jws = await signWithCard(await cardOf(olga), { ...claims, items, root: digestOf(items) }, now());
    expect((await registry.approveBatch(jws)).approvals).toHaveLength(2);
    for (const { id } of targets) expect(approvalFaults(await exported(id))).toEqual([]);
    const altered = await signWithCard(await cardOf(olga), { ...claims, items, root: digestOf('x') }, now());
    await expect(registry.approveBatch(altered)).rejects.toThrow(coded('approval_batch_root'));
  });

  it.each<[string, string, (card: Card, target: OpenedTransaction) => Promise<unknown>]>([
    [
      'another intent',
      'approval_terms_changed',
      async (card, target) => approve(olga, card, target, { claims: { intent_digest: digestOf('another') } }),
    ],
    [
      'another transaction',
      'approval_terms_changed',
      async (card, target) => approve(olga, card, target, { claims: { txn: (await begin()).id } }),
    ],
    ['the name of another person', 'approval_key_unknown', (card, target) => approve(oscar, card, target)],
    [
      'another key than the certified one',
      'approval_signature',
      (card, target) => approve(olga, card, target, { by: newCard(authority, now()) }),
    ],
    [
      'the type of a directory key',
      'approval_malformed',
      (card, target) => approve(olga, card, target, { header: { typ: 'countersign-approval+jwt' } }),
    ],
    ['no certificate', 'approval_malformed', (card, target) => approve(olga, card, target, { header: { x5c: [] } })],
    [
      'text that is no certificate',
      'approval_malformed',
      (card, target) => approve(olga, card, target, { header: { x5c: ['AAAA'] } }),
    ],
    [
      'a certificate without its authority',
      'certificate_untrusted',
      (card, target) => approve(olga, card, target, { chain: [card] }),
    ],
    [
      'an authority that only has the same name',
      'certificate_untrusted',
      (card, target) => approve(olga, card, target, { chain: [card, newAuthority('People', now())] }),
    ],
    [
      'no statement that it is good',
      'certificate_status_unknown',
      (card, target) => approve(olga, card, target, { ocsp: [] }),
    ],
    [
      'an old statement',
      'certificate_status_unknown',
      (card, target) =>
        approve(olga, card, target, {
          ocsp: [statusOf(card, { thisUpdate: now() - 11 * minute, nextUpdate: now() + minute })],
        }),
    ],
    [
      'a statement that has ended',
      'certificate_status_unknown',
      (card, target) =>
        approve(olga, card, target, {
          ocsp: [statusOf(card, { thisUpdate: now() - 9 * minute, nextUpdate: now() - 2 * minute })],
        }),
    ],
    [
      'a statement of the future',
      'certificate_status_unknown',
      (card, target) => approve(olga, card, target, { ocsp: [statusOf(card, { thisUpdate: now() + 5 * minute })] }),
    ],
    [
      'a statement about another certificate',
      'certificate_status_unknown',
      (card, target) =>
        approve(olga, card, target, { ocsp: [statusOf(newCard(authority, now()), { thisUpdate: now() })] }),
    ],
    [
      'a statement of its own',
      'certificate_status_unknown',
      (card, target) => approve(olga, card, target, { ocsp: [statusOf(card, { thisUpdate: now() }, card)] }),
    ],
    [
      'a statement that it has been revoked',
      'certificate_revoked',
      (card, target) =>
        approve(olga, card, target, { ocsp: [statusOf(card, { thisUpdate: now(), revokedAt: now() - minute })] }),
    ],
  ])('is refused with %s, and recorded', async (_what, code, attempt) => {
    const target = await begin();
    const card = await cardOf(olga);
    await expect(attempt(card, target)).rejects.toThrow(coded(code));
    expect(world.refusalsOf(target.id).at(-1)).toMatchObject({ outcome: 'deny', reason: code });
  });

  it.each<[string, string, () => Promise<Card>]>([
    ['was never issued', 'certificate_untrusted', async () => newCard(authority, now())],
    [
      'was issued under another profile',
      'certificate_usage',
      async () => {
        const card = newCard(authority, now());
        await recordIssuance(world, card, olga, 'device');
        return card;
      },
    ],
    ['has another purpose than the profile', 'certificate_usage', () => cardOf(olga, { usage: '1.3.6.1.5.5.7.3.2' })],
    ['has another policy than the profile', 'certificate_policy', () => cardOf(olga, { policy: '1.3.9.9' })],
    ['has expired', 'certificate_expired', () => cardOf(olga, { notAfter: now() - 1_000 })],
    ['is not valid yet', 'certificate_expired', () => cardOf(olga, { notBefore: now() + minute })],
    [
      'has the serial number of another one',
      'certificate_untrusted',
      async () => {
        const { certificate } = await cardOf(olga);
        return newCard(authority, now(), { serial: BigInt(`0x${Buffer.from(certificate.serial).toString('hex')}`) });
      },
    ],
    [
      'was revoked after its statement',
      'certificate_revoked',
      async () => {
        const card = await cardOf(olga);
        await revokeCard(world, card, olga);
        return card;
      },
    ],
    [
      'was issued to somebody of another firm',
      'certificate_untrusted',
      async () => {
        const card = newCard(authority, now());
        await recordIssuance(world, card, { ...olga, institution: foreignOperations.institution });
        return card;
      },
    ],
  ])('is refused if the certificate %s', async (_what, code, made) => {
    const target = await begin();
    await expect(approve(olga, await made(), target)).rejects.toThrow(coded(code));
    expect(world.refusalsOf(target.id).at(-1)).toMatchObject({ reason: code });
  });

  it('is refused if its key is also a key of another person in the directory', async () => {
    const target = await begin();
    const card = await cardOf(olga);
    const { thumbprint: kid } = importVerificationKey(publicKeyJwk(card.certificate.publicKey));
    world.directory.credentials.set(kid, { ...world.keyOf(oscar).credential, kid });
    await expect(approve(olga, card, target)).rejects.toThrow(coded('certificate_untrusted'));
  });

  it('counts once, and not again after it was withdrawn', async () => {
    const target = await begin();
    const jws = await signWithCard(await cardOf(olga), claimsOf(olga, target), now());
    const given = await registry.approve(target.id, jws);
    await expect(registry.approve(target.id, jws)).rejects.toThrow(coded('approval_repeated'));
    await expect(registry.approve((await begin()).id, jws)).rejects.toThrow(coded('approval_terms_changed'));
    await registry.withdrawApproval(target.id, given.id, actor(olga));
    await expect(registry.approve(target.id, jws)).rejects.toThrow(coded('approval_withdrawn'));
  });

  it('ends when its certificate is revoked', async () => {
    const target = await begin();
    const card = await cardOf(olga);
    await approve(olga, card, target);
    expect((await registry.facts(target.id))?.approvals).toHaveLength(1);
    await revokeCard(world, card, olga);
    expect((await registry.facts(target.id))?.approvals).toEqual([]);
  });

  it('is refused where certificates have a lower class than approvals need', async () => {
    const target = await begin();
    const lower = withCertificates({ acr: 'phr' });
    const jws = await signWithCard(await cardOf(olga), claimsOf(olga, target), now());
    await expect(lower.approve(target.id, jws)).rejects.toThrow(coded('approval_authenticator'));
  });

  it('is not decided while the log does not answer', async () => {
    const target = await begin();
    const jws = await signWithCard(await cardOf(olga), claimsOf(olga, target), now());
    world.audit.breakDown('reading');
    await expect(registry.approve(target.id, jws)).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    await registry.approve(target.id, jws);
  });
});

describe('an approval with a certificate of a partner', () => {
  const email = 'olga@partner.example';
  const partnersCard = (options: Parameters<typeof newCard>[2] = {}) =>
    newCard(partner, now(), { usage: '1.3.9.1', policy: '1.3.9.9', email, ...options });
  beforeAll(() => {
    world.directory.federated.set(`https://pki.partner.example ${email}`, olga);
  });

  it('counts for the person whom the directory names, and is verified with the authority of the partner', async () => {
    const target = await begin();
    await approve(olga, partnersCard(), target);
    const bundle = await exported(target.id);
    expect(verified(bundle, [partner.certificate.encoding]).approvals).toMatchObject({
      ok: true,
      detail: '1 approval verified. 1 of them with a certificate that was good when it signed.',
    });
    // Without the authority the reader learns that nobody vouches for it; with another one it is a fault.
    expect(verified(bundle).approvals).toMatchObject({ result: 'incomplete', code: 'approval_unanchored' });
    const [fault = ''] = verified(bundle, [authority.certificate.encoding]).faults;
    expect(fault).toMatch(/^approval_signature /);
  });

  it.each<[string, string, () => Card]>([
    ['another purpose', 'certificate_usage', () => partnersCard({ usage: '1.3.6.1.5.5.7.3.2' })],
    ['another policy', 'certificate_policy', () => partnersCard({ policy: '1.3.9.8' })],
    ['no known name', 'certificate_untrusted', () => partnersCard({ email: 'nobody@partner.example' })],
    [
      'another authority of the same name',
      'certificate_untrusted',
      () => newCard(newAuthority('Partner', now()), now(), { usage: '1.3.9.1', policy: '1.3.9.9', email }),
    ],
  ])('is refused with %s', async (_what, code, made) => {
    await expect(approve(olga, made(), await begin())).rejects.toThrow(coded(code));
  });

  it('is refused for people of other firms, and without the whole chain', async () => {
    world.directory.federated.set('https://pki.partner.example fergus@partner.example', foreignOperations);
    const foreign = partnersCard({ email: 'fergus@partner.example' });
    await expect(approve(foreignOperations, foreign, await begin())).rejects.toThrow(coded('certificate_untrusted'));
    const card = partnersCard();
    await expect(approve(olga, card, await begin(), { chain: [card] })).rejects.toThrow(coded('approval_malformed'));
  });
});
