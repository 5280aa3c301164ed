import { describe, expect, it } from 'vitest';
import { createAttestationAuthority, createSoftwareAuthenticator } from '../software-authenticator/index.ts';
import { readAttestationTrust, readRegistration, registrationOptions, verifyRegistration } from './index.ts';

const clock = { now: () => Date.parse('2026-11-21T09:30:00Z') };
const authority = createAttestationAuthority({ clock });
const other = createAttestationAuthority({ clock, name: 'Another maker' });
const aaguid = '0a0b0c0d-1111-2222-3333-444455556666';
const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
const statement = {
  aaguid,
  description: 'Key 5 NFC',
  attestationRootCertificates: [base64(authority.root)],
  keyProtection: ['hardware', 'secure_element'],
};
const blob = (...entries: readonly object[]) => JSON.stringify({ no: 7, nextUpdate: '2026-12-01', entries });

async function worthOf(files: Parameters<typeof readAttestationTrust>[0], at = clock.now(), maker = authority) {
  const key = createSoftwareAuthenticator({ origin: 'https://id.example.com', authority: maker, aaguid });
  const relyingParty = { rpId: 'id.example.com', origins: ['https://id.example.com'] };
  const challenge = Buffer.alloc(32).toString('base64url');
  const user = { handle: 'AA', name: 'anna', displayName: 'Anna' };
  const rule = { deviceBound: true, attestation: 'trusted' } as const;
  const registration = readRegistration(
    key.create(registrationOptions({ relyingParty, name: 'Test', user, challenge, rule })),
  );
  const trust = readAttestationTrust(files);
  return verifyRegistration({ registration, challenge, relyingParty, trust, at });
}

describe('trust in makers', () => {
  it('comes from the roots of a model in the metadata, as statements or as the payload of a BLOB', async () => {
    expect(await worthOf({ metadata: JSON.stringify([statement]) })).toMatchObject({
      attestation: 'trusted',
      model: 'Key 5 NFC',
    });
    expect(
      await worthOf({ metadata: blob({ aaguid, metadataStatement: statement, statusReports: [] }) }),
    ).toMatchObject({
      attestation: 'trusted',
    });
  });

  it('for a listed model comes only from its own roots', async () => {
    const elsewhere = { ...statement, attestationRootCertificates: [base64(other.root)] };
    expect(await worthOf({ metadata: blob(elsewhere), roots: authority.rootPem })).toMatchObject({
      attestation: 'untrusted',
    });
    expect(
      await worthOf({ metadata: blob({ ...statement, aaguid: statement.aaguid.replace('0a', '0b') }) }),
    ).toMatchObject({ attestation: 'untrusted' });
  });

  it('comes from a file of roots for models that the metadata does not know', async () => {
    expect(await worthOf({ roots: `# ours\n${other.rootPem}${authority.rootPem}` })).toMatchObject({
      attestation: 'trusted',
    });
    expect(await worthOf({ roots: other.rootPem })).toMatchObject({ attestation: 'untrusted' });
  });

  it('is decided at the given time, not by the system clock', async () => {
    for (const [notBefore, notAfter] of [
      ['1990-01-01T00:00:00Z', '2000-01-01T00:00:00Z'],
      ['2100-01-01T00:00:00Z', '2110-01-01T00:00:00Z'],
    ] as const) {
      const maker = createAttestationAuthority({ notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter) });
      const files = { roots: maker.rootPem };
      const worth = async (at: number) => (await worthOf(files, at, maker)).attestation;
      expect(await worth(Date.parse(notBefore)), notBefore).toBe('trusted');
      expect(await worth(Date.parse(notAfter)), notAfter).toBe('trusted');
      expect(await worth(Date.parse(notBefore) - 1_000), notBefore).toBe('untrusted');
      expect(await worth(Date.parse(notAfter) + 1_000), notAfter).toBe('untrusted');
      expect(await worth(Date.now()), 'now').toBe('untrusted');
    }
  });

  it('ignores entries without a model, as those of U2F and UAF', () => {
    const { metadata } = readAttestationTrust({
      metadata: blob(
        { attestationCertificateKeyIdentifiers: ['00'], metadataStatement: { description: 'U2F' } },
        statement,
      ),
    });
    expect([...metadata.keys()]).toEqual([aaguid]);
    expect(metadata.get(aaguid)).toMatchObject({ compromised: false, isSoftwareKey: false });
  });

  it.each([
    'USER_VERIFICATION_BYPASS',
    'ATTESTATION_KEY_COMPROMISE',
    'USER_KEY_REMOTE_COMPROMISE',
    'USER_KEY_PHYSICAL_COMPROMISE',
    'REVOKED',
  ])('in a model ends with the report %s, also when another follows', (status) => {
    const reports = [{ status }, { status: 'FIDO_CERTIFIED_L1' }];
    const { metadata } = readAttestationTrust({ metadata: blob({ ...statement, statusReports: reports }) });
    expect(metadata.get(aaguid)?.compromised).toBe(true);
  });

  it.each([
    ['not JSON', '{'],
    ['a number', '7'],
    ['no entries', '{}'],
    ['invalid entries', '{"entries":["x"]}'],
    ['a model twice', blob(statement, statement)],
    ['a model that is not a UUID', blob({ ...statement, aaguid: 'Key 5' })],
    ['a model without a description', blob({ aaguid })],
    ['roots that are not a list', blob({ ...statement, attestationRootCertificates: 'x' })],
    ['roots that are not text', blob({ ...statement, attestationRootCertificates: [7] })],
    ['a root that is not base64', blob({ ...statement, attestationRootCertificates: ['***'] })],
    ['a root that is not a certificate', blob({ ...statement, attestationRootCertificates: ['AAAA'] })],
    ['invalid reports', blob({ ...statement, statusReports: [null] })],
  ])('is not taken from metadata with %s', (_what, metadata) => {
    expect(() => readAttestationTrust({ metadata })).toThrow('authenticator_metadata_malformed');
  });

  it.each([
    ['nothing', ''],
    ['a key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'],
    ['a broken certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
  ])('is not taken from a file of roots with %s', (_what, roots) => {
    expect(() => readAttestationTrust({ roots })).toThrow('attestation_roots_malformed');
  });
});
