import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Digest, digestOf, newId, sha256Base64Url } from '@countersign/kernel';
import { cosign, formatNote, formatVerifierKey, parseNote } from '@countersign/merkle-log';
import { describe, expect, it } from 'vitest';
import { signingKey } from '../../merkle-log/src/testing/signing-key.ts';
import {
  derBitString,
  derCertificateTime,
  derElement,
  derInteger,
  derObjectIdentifier,
  derSequence,
} from '../../x509/src/der/der-writer.ts';
import { readX509Certificate } from '../../x509/src/index.ts';
import { issueCertificate } from '../../x509/src/testing/test-authority.ts';
import { type BundledCertificate, type BundleTrust, type EvidenceBundle, verifyBundle } from './index.ts';
import { type Plot, tellOrder } from './testing/order-story.ts';
import type { Draft } from './testing/paper-log.ts';

type Story = ReturnType<typeof tellOrder>;

function tell(bundle: EvidenceBundle, story: Story, trust: BundleTrust = {}) {
  const verification = verifyBundle(bundle, { trust: { logVerifierKey: story.log.verifierKey, ...trust } });
  const told = verification.steps.flatMap(({ ok, code, record }) =>
    code === undefined ? [] : [`${ok ? 'note' : 'fail'} ${code}${record === undefined ? '' : ` ${record}`}`],
  );
  return { verification, told };
}

describe('cosignatures', () => {
  const north = signingKey('witness.example/north', 'ed25519-cosignature');
  const south = signingKey('witness.example/south', 'ed25519-cosignature');
  const policy = (quorum: string): string =>
    [
      `witness north ${formatVerifierKey(north.key)}`,
      `witness south ${formatVerifierKey(south.key)}`,
      'group both all north south',
      `quorum ${quorum}`,
      '',
    ].join('\n');

  async function cosigned(
    by: readonly (typeof north)[],
    forge = false,
  ): Promise<{ story: Story; bundle: EvidenceBundle }> {
    const story = tellOrder();
    const bundle = await story.bundle();
    const parsed = parseNote(bundle.checkpoint);
    if (!parsed.ok) throw new Error(parsed.reason);
    const { text, signatures } = parsed.note;
    const made = await Promise.all(by.map(({ key, sign }) => cosign({ text, timestamp: 1_800_000_000n, key, sign })));
    const added = forge ? made.map((each) => ({ ...each, signature: Buffer.alloc(72, 1) })) : made;
    return { story, bundle: { ...bundle, checkpoint: formatNote({ text, signatures: [...signatures, ...added] }) } };
  }

  it('suffice if they meet the reader’s quorum', async () => {
    const { story, bundle } = await cosigned([north, south]);
    for (const quorum of ['both', 'north', 'none'])
      expect(tell(bundle, story, { policy: policy(quorum) }).verification.verdict).toBe('verified');
  });

  it('are reported as missing if too few, whatever the bundle claims', async () => {
    const { story, bundle } = await cosigned([north]);
    expect(tell(bundle, story, { policy: policy('both') }).told).toEqual(['fail witness_quorum_missing']);
    expect(tell(bundle, story).told).toEqual([]);
  });

  it('are detected when forged, however many are genuine', async () => {
    const { story, bundle } = await cosigned([north], true);
    expect(tell(bundle, story, { policy: policy('south') }).told).toEqual(['fail witness_signature']);
  });

  it('count with the key of the log if the policy names it', async () => {
    const { story, bundle } = await cosigned([north]);
    const named = `log ${story.log.verifierKey}\n${policy('north')}`;
    expect(verifyBundle(bundle, { trust: { policy: named } })).toMatchObject({ verdict: 'verified', anchored: true });
    const other = `log ${formatVerifierKey(signingKey('log.example/other').key)}\n${policy('north')}`;
    const told = verifyBundle(bundle, { trust: { policy: other } }).steps.filter(({ ok }) => !ok);
    expect(told.map(({ code }) => code)).toContain('log_key_mismatch');
    expect(verifyBundle(bundle, { trust: { policy: policy('north') } })).toMatchObject({ verdict: 'unanchored' });
  });

  it('are not checked under a policy that cannot be read', async () => {
    const { story, bundle } = await cosigned([north]);
    expect(tell(bundle, story, { policy: 'quorum nobody\n' }).told).toEqual(['fail witness_policy_malformed']);
  });
});

describe('certificates named by records', () => {
  const root = issueCertificate({ name: 'Root', authority: true });
  const intermediate = issueCertificate({ name: 'Issuing', authority: true, issuer: root });
  const desk = issueCertificate({ name: 'desk', issuer: intermediate, extendedKeyUsage: null });
  const past = Date.parse('2026-01-01T00:00:00Z');
  const expired = issueCertificate({
    name: 'old',
    issuer: root,
    extendedKeyUsage: null,
    notBefore: past,
    notAfter: past + 1000,
  });

  async function shown(
    leaf: Uint8Array,
    chain: readonly Uint8Array[],
    options: { serial?: string; revocation?: BundledCertificate['revocation'] } = {},
  ) {
    const serial = options.serial ?? Buffer.from(readX509Certificate(leaf).serial).toString('hex').toUpperCase();
    const story = tellOrder({
      rewrite: (name, draft) =>
        name === 'submitted' ? { ...draft, certificate: { serial, thumbprint: sha256Base64Url(leaf) } } : draft,
    });
    const certificates = [
      {
        use: 'connection' as const,
        chain: chain.map((der) => Buffer.from(der).toString('base64url')),
        ...(options.revocation === undefined ? {} : { revocation: options.revocation }),
      },
    ];
    const bundle: EvidenceBundle = { ...(await story.bundle()), certificates };
    return { story, ask: (trust: BundleTrust = {}) => tell(bundle, story, trust) };
  }
  const chain = [desk.certificate, intermediate.certificate, root.certificate];
  const trust = { certificateAuthorities: [root.certificate] };

  it('are valid if the chain leads to an authority that the reader trusts', async () => {
    const { ask } = await shown(desk.certificate, chain);
    expect(ask(trust).told).toEqual([]);
    expect(ask().told).toEqual(['note certificate_unanchored']);
  });

  it('are refused with another authority, another order or another serial number', async () => {
    const other = issueCertificate({ name: 'Root', authority: true });
    const { story, ask } = await shown(desk.certificate, chain);
    expect(ask({ certificateAuthorities: [other.certificate] }).told).toEqual([
      `fail certificate_chain ${story.ids.submitted}`,
    ]);
    const [leaf, middle, top] = chain;
    if (leaf === undefined || middle === undefined || top === undefined) throw new Error('the chain has three links');
    expect((await shown(leaf, [leaf, top, middle])).ask(trust).told).toContain('fail certificate_chain');
    const misnamed = await shown(leaf, chain, { serial: '0' });
    expect(misnamed.ask(trust).told).toEqual([`fail certificate_mismatch ${misnamed.story.ids.submitted}`]);
  });

  it('are refused when they were not valid at the time of the record', async () => {
    const { story, ask } = await shown(expired.certificate, [expired.certificate, root.certificate]);
    expect(ask(trust).told).toEqual([`fail certificate_expired ${story.ids.submitted}`]);
  });

  /** A list by the issuer in which the certificate was revoked then; undefined for an empty list. */
  function listOf(
    by: typeof intermediate,
    certificate: Uint8Array,
    revokedAt?: string,
  ): BundledCertificate['revocation'] {
    const { subject } = readX509Certificate(by.certificate);
    const time = (text: string) => derCertificateTime(Date.parse(text));
    const { serial } = readX509Certificate(certificate);
    const algorithm = derSequence(derObjectIdentifier('1.2.840.10045.4.3.2'));
    const entries =
      revokedAt === undefined ? [] : [derSequence(derSequence(derElement(0x02, serial), time(revokedAt)))];
    const toBeSigned = derSequence(
      derInteger(1),
      algorithm,
      subject,
      time('2026-11-01T00:00:00Z'),
      time('2026-12-01T00:00:00Z'),
      ...entries,
    );
    const der = derSequence(toBeSigned, algorithm, derBitString(sign('sha256', toBeSigned, by.privateKey)));
    return { kind: 'crl', der: Buffer.from(der).toString('base64url') };
  }

  it('are refused if their issuer had revoked them by then, and not if it did so later', async () => {
    for (const [revocation, code] of [
      [listOf(intermediate, desk.certificate), undefined],
      [listOf(intermediate, desk.certificate, '2026-11-20T00:00:00Z'), 'certificate_revoked'],
      [listOf(intermediate, desk.certificate, '2026-11-22T00:00:00Z'), undefined],
      [listOf(intermediate, root.certificate, '2026-11-20T00:00:00Z'), undefined],
      [listOf(root, desk.certificate), 'revocation_unproven'],
      [{ kind: 'ocsp' as const, der: 'MAA' }, 'revocation_unproven'],
    ] as const) {
      const { story, ask } = await shown(desk.certificate, chain, revocation === undefined ? {} : { revocation });
      expect(ask(trust).told).toEqual(code === undefined ? [] : [`fail ${code} ${story.ids.submitted}`]);
    }
  });

  it('are not cleared by another party with the name of their issuer', async () => {
    const namesake = issueCertificate({ name: 'Issuing', authority: true });
    const twin = issueCertificate({ name: 'Root', authority: true, issuer: root });
    // Added to the genuine chain: in the right order by name, but without a trusted signature.
    const own = issueCertificate({ name: 'own', issuer: root, extendedKeyUsage: null });
    const { story, ask } = await shown(own.certificate, [own.certificate, twin.certificate, root.certificate], {
      revocation: listOf(twin, own.certificate),
    });
    expect(ask(trust).told).toEqual([`fail revocation_unproven ${story.ids.submitted}`]);
    const revoked = await shown(own.certificate, [own.certificate, twin.certificate, root.certificate], {
      revocation: listOf(root, own.certificate, '2026-11-20T00:00:00Z'),
    });
    expect(revoked.ask(trust).told).toEqual([`fail certificate_revoked ${revoked.story.ids.submitted}`]);
    // If the certificate itself is trusted, no issuer is needed, and a namesake is not consulted.
    const pinned = await shown(desk.certificate, [desk.certificate, namesake.certificate], {
      revocation: listOf(namesake, desk.certificate),
    });
    expect(pinned.ask({ certificateAuthorities: [desk.certificate] }).told).toEqual([
      `fail revocation_unproven ${pinned.story.ids.submitted}`,
    ]);
  });

  it('must belong to a record of the bundle and be certificates', async () => {
    const { ask } = await shown(desk.certificate, [intermediate.certificate, root.certificate]);
    expect(ask(trust).told).toEqual(['fail certificate_mismatch']);
    const none = await shown(desk.certificate, [desk.certificate, Buffer.from('no certificate')]);
    expect(none.ask(trust).told).toEqual(['fail certificate_chain']);
  });
});

describe('an envelope', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const id = newId('record', { clock: { now: () => 21 }, random: { bytes: (size) => Buffer.alloc(size, 21) } });
  const claims = { jti: id, st: 'cleared', ver: 3 };
  /** @param signs without it the signature is invalid */
  const jws = (payload: object, kid = 'key-1', signs?: KeyObject): string => {
    const input = [{ alg: 'EdDSA', kid }, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = signs === undefined ? Buffer.alloc(64, 1) : sign(null, Buffer.from(input), signs);
    return `${input}.${signature.toString('base64url')}`;
  };
  const issuing = (data: object, payload: Digest = digestOf(claims), published = false): Plot => ({
    before(name, log, ids) {
      if (name !== 'settled') return;
      const { transaction, intent, mandate } = JSON.parse(log.leaves.at(-1)?.toString() ?? '{}') as Draft;
      if (published) {
        const key = newId('record', { clock: { now: () => 22 }, random: { bytes: (size) => Buffer.alloc(size, 22) } });
        const jwk = JSON.parse(JSON.stringify(publicKey.export({ format: 'jwk' }))) as Record<string, string>;
        log.add({ id: key, type: 'key.published', data: { purpose: 'envelope', kid: 'key-1', jwk } });
      }
      log.add({
        id,
        type: 'envelope.issued',
        transaction: transaction ?? '',
        intent: intent ?? '',
        mandate: mandate ?? {},
        references: [ids['cleared'] ?? ''],
        payload,
        data: { state: 'cleared', version: 3, kid: 'key-1', ...data },
      });
    },
  });
  const ask = async (plot: Plot, envelopes: readonly string[] = []) => {
    const story = tellOrder(plot);
    return tell(await story.bundle(), story, { envelopes }).told;
  };

  it('is the issued one if its claims have the recorded digest', async () => {
    // Without the key, its content is proven and its signer is not.
    expect(await ask(issuing({}), [jws(claims)])).toEqual(['note envelope_key_missing']);
  });

  it('that was changed, or not issued here, is detected', async () => {
    expect(await ask(issuing({}), [jws({ ...claims, ver: 4 })])).toEqual([`fail envelope_mismatch ${id}`]);
    expect(await ask(issuing({}), [jws(claims, 'key-2')])).toEqual([`fail envelope_mismatch ${id}`]);
    expect(await ask({}, [jws(claims)])).toEqual(['fail envelope_mismatch']);
    expect(await ask({}, ['no envelope'])).toEqual(['fail envelope_mismatch']);
  });

  it('is refused if its signature is not by the key that the log published', async () => {
    const published = issuing({}, digestOf(claims), true);
    expect(await ask(published, [jws(claims, 'key-1', privateKey)])).toEqual([]);
    expect(await ask(published, [jws(claims)])).toEqual([`fail envelope_signature ${id}`]);
  });

  it('states the state of the transaction', async () => {
    expect(await ask(issuing({}))).toEqual([]);
    for (const data of [{ state: 'settled' }, { version: 2 }])
      expect(await ask(issuing(data))).toEqual([`fail envelope_mismatch ${id}`]);
  });
});
