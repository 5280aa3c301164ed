import { isCodedError } from '@countersign/kernel';
import { decodeAttestationObject, parseAuthenticatorData } from '@simplewebauthn/server/helpers';
import { describe, expect, it } from 'vitest';
import {
  readAssertion,
  readAttestationTrust,
  readRegistration,
  verifyAuthentication,
  verifyRegistration,
} from './ceremonies/index.ts';
import { jwkOfCoseKey } from './cose-key.ts';
import {
  vectorRelyingParty as relyingParty,
  type TestVector,
  testVectors,
  vectorRoot,
} from './testing/test-vectors.ts';

// The published vectors through the wrapper and, inside it, through our own verifier. Not all vectors have user verification,
// which is required here; it is checked last, so `user_not_verified` means that everything else was valid.

const trust = readAttestationTrust({
  roots: `-----BEGIN CERTIFICATE-----${vectorRoot}-----END CERTIFICATE-----`,
});
const at = Date.parse('2026-01-01T00:00:00Z');

/** The result of the registration, by its code or its trust level, and of the authentication. */
const expected: Readonly<Record<string, readonly [registration: string, authentication: string]>> = {
  'none-es256': ['user_not_verified', 'user_not_verified'],
  'packed-self-es256': ['self', 'user_not_verified'],
  // Our pages are never framed.
  'none-es256-crossOrigin': ['origin_wrong', 'origin_wrong'],
  'none-es256-topOrigin': ['origin_wrong', 'origin_wrong'],
  'none-es256-long-credential-id': ['user_not_verified', 'verified'],
  'packed-es256': ['trusted', 'verified'],
  'packed-es384': ['user_not_verified', 'verified'],
  'packed-es512': ['trusted', 'user_not_verified'],
  'packed-rs256': ['trusted', 'user_not_verified'],
  'packed-eddsa': ['user_not_verified', 'user_not_verified'],
  // An algorithm that is not requested.
  'packed-ed448': ['credential_malformed', 'no key'],
  // Its manufacturer is not one that the library knows.
  'tpm-es256': ['attestation_untrusted', 'verified'],
  // Its certificate does not state that hardware made the key, or that the key signs.
  'android-key-es256': ['untrusted', 'user_not_verified'],
  'apple-es256': ['user_not_verified', 'user_not_verified'],
  // The library requires U2F keys, which have no model, to state none; this one states a model.
  'fido-u2f-es256': ['attestation_untrusted', 'user_not_verified'],
};

async function outcomeOf<Result>(ask: () => Promise<Result>, tell: (result: Result) => string): Promise<string> {
  try {
    return tell(await ask());
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}

const register = (vector: TestVector, change: Partial<TestVector['registration']> = {}, when = at) => {
  const { challenge, credentialId, ...response } = { ...vector.registration, ...change };
  const credential = { id: credentialId, rawId: credentialId, type: 'public-key', response };
  return outcomeOf(
    () => verifyRegistration({ registration: readRegistration(credential), challenge, relyingParty, trust, at: when }),
    ({ attestation }) => attestation,
  );
};

/** The key and the flag, read by the library alone. */
function registeredOf({ registration }: TestVector) {
  const object = decodeAttestationObject(Uint8Array.from(Buffer.from(registration.attestationObject, 'base64url')));
  const { credentialPublicKey, flags } = parseAuthenticatorData(object.get('authData'));
  const { jwk } = jwkOfCoseKey(credentialPublicKey ?? new Uint8Array());
  return { credentialId: registration.credentialId, jwk, counter: 0, backupEligible: flags.be };
}

const authenticate = (vector: TestVector, change: Partial<TestVector['authentication']> = {}) => {
  const { challenge, ...response } = { ...vector.authentication, ...change };
  const { credentialId } = vector.registration;
  const credential = { id: credentialId, rawId: credentialId, type: 'public-key', response };
  return outcomeOf(
    () =>
      verifyAuthentication({
        assertion: readAssertion(credential),
        challenge,
        relyingParty,
        registered: registeredOf(vector),
      }),
    () => 'verified',
  );
};

function flipped(text: string, at: number): string {
  const octets = Buffer.from(text, 'base64url');
  octets[octets.length + at] = (octets.at(at) ?? 0) ^ 1;
  return octets.toString('base64url');
}

describe('the test vectors of WebAuthn Level 3', () => {
  it('are complete', () => {
    expect(testVectors.map(({ name }) => name)).toEqual(Object.keys(expected));
  });

  it.each(testVectors)('$name has the expected result', async (vector) => {
    const [registration, authentication] = expected[vector.name] ?? [];
    expect(await register(vector)).toBe(registration);
    if (authentication === 'no key') expect(() => registeredOf(vector)).toThrow('was not asked for');
    else expect(await authenticate(vector)).toBe(authentication);
  });

  it('are verified with certificates that were valid at the given time', async () => {
    for (const vector of testVectors.filter(({ name }) => expected[name]?.[0] === 'trusted'))
      for (const [when, worth] of [
        ['2023-12-31T23:59:59Z', 'untrusted'],
        ['2024-01-01T00:00:00Z', 'trusted'],
        ['3023-12-31T00:00:00Z', 'trusted'],
        ['3024-01-02T00:00:00Z', 'untrusted'],
      ] as const)
        expect(await register(vector, {}, Date.parse(when)), `${vector.name} ${when}`).toBe(worth);
  });

  it.each(testVectors.filter(({ name }) => expected[name]?.[1] !== 'no key' && !name.includes('Origin')))(
    '$name is refused with a wrong signature, or another challenge',
    async (vector) => {
      // The last octet of an ECDSA signature is part of `s`; for the others it is part of the number itself.
      expect(await authenticate(vector, { signature: flipped(vector.authentication.signature, -1) })).toBe(
        'signature_wrong',
      );
      expect(await authenticate(vector, { challenge: vector.registration.challenge })).toBe('challenge_mismatch');
      expect(await register(vector, { challenge: vector.authentication.challenge })).toBe('challenge_mismatch');
    },
  );

  it.each(testVectors.filter(({ name }) => /^(?:packed-(?:self|es|rs256|eddsa)|tpm|apple|fido|android)/.test(name)))(
    '$name is refused if its client data are not those that were attested',
    async (vector) => {
      const text = Buffer.from(vector.registration.clientDataJSON, 'base64url').toString();
      const changed = Buffer.from(text.replace(/\}$/, ',"added":1}')).toString('base64url');
      expect(await register(vector, { clientDataJSON: changed })).toBe('attestation_untrusted');
    },
  );
});
