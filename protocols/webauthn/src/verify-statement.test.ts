import { isCodedError, sha256Base64Url } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { statementChallenge, verifyStatement, type WebAuthnSignature } from './index.ts';
import { type CeremonyBehaviour, createSoftwareAuthenticator } from './software-authenticator/index.ts';

const expected = { rpId: 'id.example.com', origins: ['https://id.example.com', 'https://desk.id.example.com'] };
const claims = {
  typ: 'countersign-approval+webauthn',
  iss: 'person:boris',
  iat: 1_800_000_000,
  exp: 1_800_000_120,
  jti: 'bm9uY2U',
  items: [{ txn: 'txn_1', amount: '1.50' }],
};

function newKey(algorithm: 'ES256' | 'EdDSA' | 'RS256' = 'ES256') {
  const key = createSoftwareAuthenticator({ origin: 'https://id.example.com', algorithm });
  key.create({ challenge: 'AA', rp: { id: 'id.example.com' }, user: { id: 'AA' } });
  return key;
}

function codeOf(ask: () => unknown): string {
  try {
    ask();
    return 'ok';
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}

describe('a signed statement', () => {
  it('has its canonical form as the challenge, so that the order of its members does not matter', () => {
    const { typ, iss, iat, exp, jti } = claims;
    expect(statementChallenge({ jti, exp, iss, typ, iat })).toBe(
      sha256Base64Url(
        '{"exp":1800000120,"iat":1800000000,"iss":"person:boris","jti":"bm9uY2U","typ":"countersign-approval+webauthn"}',
      ),
    );
  });

  it.each(['ES256', 'EdDSA', 'RS256'] as const)('is accepted with %s and names its key', (algorithm) => {
    const { signature, jwk } = newKey(algorithm).sign(claims, { origin: 'https://desk.id.example.com' });
    const verified = verifyStatement({ claims, signature, jwk, expected });
    expect(verified).toMatchObject({ origin: 'https://desk.id.example.com', counter: 1, backupEligible: false });
    expect(verified.kid).toMatch(/^[\w-]{43}$/);
  });

  it('is refused for other claims', () => {
    const { signature, jwk } = newKey().sign(claims);
    for (const other of [
      { ...claims, typ: 'countersign-consent+webauthn' },
      { ...claims, exp: claims.exp + 1 },
      { ...claims, items: [] },
      { ...claims, added: null },
    ])
      expect(codeOf(() => verifyStatement({ claims: other, signature, jwk, expected }))).toBe('challenge_mismatch');
    const unwritable = { ...claims, note: '\ud800' };
    expect(codeOf(() => verifyStatement({ claims: unwritable, signature, jwk, expected }))).toBe(
      'credential_malformed',
    );
  });

  it.each<[string, CeremonyBehaviour]>([
    ['origin_wrong', { origin: 'https://evil.example' }],
    ['origin_wrong', { crossOrigin: true }],
    ['rp_id_wrong', { rpId: 'evil.example' }],
    ['user_not_present', { userPresent: false }],
    ['user_not_verified', { userVerified: false }],
    ['backup_flags_changed', { backedUp: true }],
    ['challenge_mismatch', { challenge: 'AAAA' }],
  ])('is refused with %s', (code, behaviour) => {
    const { signature, jwk } = newKey().sign(claims, behaviour);
    expect(codeOf(() => verifyStatement({ claims, signature, jwk, expected }))).toBe(code);
  });

  it('is refused when the stated values contradict the assertion', () => {
    const { signature, jwk } = newKey().sign(claims);
    const change = (members: Partial<WebAuthnSignature>) =>
      codeOf(() => verifyStatement({ claims, signature: { ...signature, ...members }, jwk, expected }));
    expect(change({ origin: 'https://desk.id.example.com' })).toBe('origin_wrong');
    expect(change({ rp_id: 'example.com' })).toBe('rp_id_wrong');
    expect(change({ signature: `${signature.signature}=` })).toBe('credential_malformed');
    expect(change({ client_data_json: 'A'.repeat(6_000) })).toBe('credential_malformed');
    // The expected RP id is that of the assertion, not the stated one.
    expect(
      codeOf(() =>
        verifyStatement({
          claims,
          signature: { ...signature, rp_id: 'example.com' },
          jwk,
          expected: { ...expected, rpId: 'example.com' },
        }),
      ),
    ).toBe('rp_id_wrong');
  });

  it('is refused with another key, a private key, or a malformed key', () => {
    const { signature } = newKey().sign(claims);
    const other = newKey().sign(claims).jwk;
    expect(codeOf(() => verifyStatement({ claims, signature, jwk: other, expected }))).toBe('signature_wrong');
    for (const jwk of [{ ...other, d: other['x'] }, { kty: 'oct', k: 'AA' }, {}, undefined])
      expect(codeOf(() => verifyStatement({ claims, signature, jwk, expected }))).toBe('credential_malformed');
  });
});
