import { isCodedError, parseJson } from '@countersign/kernel';
import { importAuthenticatorKey } from '@countersign/oauth/signatures';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeCbor } from './cbor.ts';
import { verifyAuthenticationResponse } from './ceremonies/library-clock.ts';
import { coseKeyOfJwk } from './cose-key.ts';
import {
  authenticatorDataOf,
  challenge,
  clientDataOf,
  type FaithlessKey,
  faithlessKeys,
  service,
} from './testing/assertions.ts';
import { type AssertionOctets, verifyAssertion } from './verify-assertion.ts';

/** The code of the refusal, or `ok`. */
function verdictOf(octets: AssertionOctets, { jwk }: FaithlessKey): string {
  try {
    verifyAssertion(octets, importAuthenticatorKey(jwk), { challenge, ...service });
    return 'ok';
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}

async function verdictOfLibrary(octets: AssertionOctets, { jwk }: FaithlessKey): Promise<string> {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        id: 'AAAA',
        rawId: 'AAAA',
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          authenticatorData: text(octets.authenticatorData),
          clientDataJSON: text(octets.clientDataJSON),
          signature: text(octets.signature),
        },
      },
      expectedChallenge: challenge,
      expectedOrigin: [...service.origins],
      expectedRPID: service.rpId,
      credential: { id: 'AAAA', publicKey: coseKeyOfJwk(jwk), counter: 0 },
    });
    return verified ? 'ok' : 'refused';
  } catch {
    return 'refused';
  }
}

const [es256, , rs256, es384, es512] = faithlessKeys;
if (es256 === undefined || rs256 === undefined || es384 === undefined || es512 === undefined)
  throw new Error('no keys');

describe('an assertion', () => {
  it.each(faithlessKeys)('by $name is accepted', (key) => {
    const octets = key.assert(authenticatorDataOf({ counter: 7, flags: 0x1d }), clientDataOf({ added: 1 }));
    expect(verifyAssertion(octets, importAuthenticatorKey(key.jwk), { challenge, ...service })).toEqual({
      backupEligible: true,
      backedUp: true,
      counter: 7,
      origin: 'https://id.example.com',
    });
  });

  it.each([
    ['another RP id', 'rp_id_wrong', { rpId: 'example.com' }],
    ['no user present', 'user_not_present', { flags: 0x04 }],
    ['a user who was not verified', 'user_not_verified', { flags: 0x01 }],
    ['a backup of what cannot be backed up', 'backup_flags_changed', { flags: 0x15 }],
    ['a reserved flag', 'credential_malformed', { flags: 0x07 }],
    ['the other reserved flag', 'credential_malformed', { flags: 0x25 }],
    ['something behind it', 'credential_malformed', { tail: Buffer.alloc(1) }],
    ['invalid extensions', 'credential_malformed', { flags: 0x85 }],
    ['extensions that are not a map', 'credential_malformed', { flags: 0x85, tail: Buffer.from([0x01]) }],
    ['a credential that is cut off', 'credential_malformed', { flags: 0x45, tail: Buffer.alloc(18) }],
    ['a credential, though it was made long ago', 'credential_malformed', { flags: 0x45, tail: credentialOf() }],
    ['too much of it', 'credential_malformed', { flags: 0x85, tail: Buffer.alloc(9_000) }],
  ])('with %s is refused', (_what, code, parts) => {
    expect(verdictOf(es256.assert(authenticatorDataOf(parts), clientDataOf()), es256)).toBe(code);
  });

  it.each([
    ['of a registration', 'credential_malformed', { type: 'webauthn.create' }],
    ['over another challenge', 'challenge_mismatch', { challenge: 'AAAA' }],
    ['over the same challenge, padded', 'challenge_mismatch', { challenge: `${challenge}=` }],
    ['from another origin', 'origin_wrong', { origin: 'https://evil.example' }],
    ['from an origin that begins alike', 'origin_wrong', { origin: 'https://id.example.com.evil.example' }],
    ['without encryption', 'origin_wrong', { origin: 'http://id.example.com' }],
    ['from another port', 'origin_wrong', { origin: 'https://id.example.com:8443' }],
    ['from a frame in a page of another origin', 'origin_wrong', { crossOrigin: true }],
    ['with a page around it', 'origin_wrong', { topOrigin: 'https://id.example.com' }],
    ['with an unknown kind of nesting', 'credential_malformed', { crossOrigin: 'no' }],
    ['without an origin', 'credential_malformed', { origin: undefined }],
    ['with a list of challenges', 'credential_malformed', { challenge: [challenge] }],
    ['that is too long', 'credential_malformed', { added: 'x'.repeat(5_000) }],
  ])('%s is refused', (_what, code, members) => {
    expect(verdictOf(es256.assert(authenticatorDataOf(), clientDataOf(members)), es256)).toBe(code);
  });

  it.each([
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['not JSON', Buffer.from('{')],
    ['a list', Buffer.from('[]')],
    ['marked for byte order', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), clientDataOf()])],
    ['of two origins', Buffer.from(clientDataOf().toString().replace('{', '{"origin":"https://evil.example",'))],
  ])('whose client data are %s is refused', (_what, clientData) => {
    expect(verdictOf(es256.assert(authenticatorDataOf(), clientData), es256)).toBe('credential_malformed');
  });

  it('is refused from another key, when empty, and when too long', () => {
    const [, eddsa] = faithlessKeys;
    const octets = es256.assert(authenticatorDataOf(), clientDataOf());
    for (const key of faithlessKeys.filter((each) => each !== es256))
      expect(verdictOf(octets, key)).toBe('signature_wrong');
    expect(verdictOf({ ...octets, signature: new Uint8Array() }, es256)).toBe('credential_malformed');
    expect(verdictOf({ ...octets, signature: Buffer.alloc(513) }, es256)).toBe('credential_malformed');
    expect(eddsa && verdictOf({ ...octets, signature: Buffer.alloc(64) }, eddsa)).toBe('signature_wrong');
  });

  it('is refused by an RSA key with another signature scheme', () => {
    // The same key in the form that access tokens use.
    const octets = rs256.assert(authenticatorDataOf(), clientDataOf());
    expect(verdictOf(octets, rs256)).toBe('ok');
    expect(verdictOf({ ...octets, signature: Buffer.from(octets.signature).reverse() }, rs256)).toBe('signature_wrong');
  });

  it('of ECDSA is refused if its first number is encoded as negative', () => {
    // Omits the leading zero of a number whose highest bit is set: every other signature has one.
    let octets = es256.assert(authenticatorDataOf(), clientDataOf());
    for (let round = 0; round < 100 && octets.signature[3] !== 33; round++)
      octets = es256.assert(authenticatorDataOf(), clientDataOf());
    const der = Buffer.from(octets.signature);
    expect(der[3]).toBe(33);
    const signature = Buffer.concat([Buffer.from([0x30, der.length - 3, 0x02, 32]), der.subarray(5)]);
    expect(verdictOf(octets, es256)).toBe('ok');
    expect(verdictOf({ ...octets, signature }, es256)).toBe('signature_wrong');
  });

  it.each([es256, es384, es512])('of ECDSA by $name is accepted only in strict DER', (key) => {
    const octets = key.assert(authenticatorDataOf(), clientDataOf());
    const der = Buffer.from(octets.signature);
    // Two numbers of 66 octets need a length of two octets.
    const body = der.subarray(der[1] === 0x81 ? 3 : 2);
    const lengths = body.length < 0x80 ? [body.length] : [0x81, body.length];
    const longer = body.length + 1 < 0x80 ? [body.length + 1] : [0x81, body.length + 1];
    expect(Buffer.concat([Buffer.from([0x30, ...lengths]), body])).toEqual(der);
    const changed = [
      Buffer.concat([der, Buffer.alloc(1)]),
      Buffer.concat([Buffer.from([0x30, ...(lengths.length === 1 ? [0x81] : [0x82, 0]), body.length]), body]),
      Buffer.concat([Buffer.from([0x30, ...longer, 0x02, (body[1] ?? 0) + 1, 0]), body.subarray(2)]),
      Buffer.concat([Buffer.from([0x31]), der.subarray(1)]),
      Buffer.from('3006020100020100', 'hex'),
      Buffer.from('3006020101020100', 'hex'),
      der.subarray(0, -1),
      // An extra octet after the numbers, within the sequence.
      Buffer.concat([Buffer.from([0x30, ...longer]), body, Buffer.alloc(1)]),
    ];
    for (const signature of changed)
      expect(verdictOf({ ...octets, signature }, key), signature.toString('hex')).toBe('signature_wrong');
  });

  it('of one curve is refused for another, with every digest', () => {
    const octets = es384.assert(authenticatorDataOf(), clientDataOf());
    expect(verdictOf(octets, es384)).toBe('ok');
    expect([verdictOf(octets, es256), verdictOf(octets, es512)]).toEqual(['signature_wrong', 'signature_wrong']);
  });
});

/** The attested credential data of a proper registration. */
function credentialOf(): Uint8Array {
  const [key] = faithlessKeys;
  return Buffer.concat([Buffer.alloc(16), Buffer.from([0, 4]), Buffer.alloc(4, 1), coseKeyOfJwk(key?.jwk ?? {})]);
}

describe('our verifier and the library', () => {
  const extensions = writeCbor(new Map([['credProtect', 2]]));
  /** Mostly the first value. */
  const seldom = <Value>(usual: Value, ...others: readonly Value[]) =>
    fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) });
  const data = fc.record({
    rpId: seldom<string>(service.rpId, 'evil.example'),
    flags: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0x05, 0x0d, 0x1d) }, fc.nat(255)),
    counter: fc.nat(0xffff_ffff),
    tail: seldom(new Uint8Array(), extensions, credentialOf(), Buffer.alloc(1), Buffer.from([0xa0])),
  });
  const client = fc.record({
    type: seldom('webauthn.get', 'webauthn.create'),
    challenge: seldom(challenge, 'AAAA'),
    origin: seldom<string>(service.origins[0], 'https://evil.example', 'null'),
    crossOrigin: seldom<boolean | null>(false, true, null),
    topOrigin: seldom<string | undefined>(undefined, 'https://evil.example'),
    added: fc.jsonValue(),
  });
  /** Octets that overwrite the client data before they are signed. */
  const writtenOver = fc.option(fc.record({ at: fc.nat(120), octets: fc.uint8Array({ minLength: 1, maxLength: 3 }) }), {
    freq: 3,
  });

  it('agree, and ours accepts nothing that the library refuses', { timeout: 120_000 }, async () => {
    const seen = { taken: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...faithlessKeys), data, client, writtenOver, async (key, parts, told, over) => {
        const clientData = Buffer.from(clientDataOf(told));
        if (over !== null && over.at + over.octets.length < clientData.length) clientData.set(over.octets, over.at);
        const octets = key.assert(authenticatorDataOf(parts), clientData);
        const ours = verdictOf(octets, key);
        const theirs = await verdictOfLibrary(octets, key);
        seen[ours === 'ok' ? 'taken' : 'refused']++;
        // The library accepts these and we do not: flags without a meaning, a credential in an assertion, nesting without the
        // outer page, client data that two readers read differently (numbers beyond 2^53 among them), and extensions in a form
        // that authenticators do not write.
        const looser =
          (parts.flags & 0xe2) !== 0 ||
          told.crossOrigin !== false ||
          over !== null ||
          told.topOrigin !== undefined ||
          !parseJson(clientData.toString()).ok;
        if (ours === 'ok' || !looser) expect(theirs === 'ok').toBe(ours === 'ok');
      }),
      { numRuns: 800 },
    );
    expect(seen.taken).toBeGreaterThan(50);
    expect(seen.refused).toBeGreaterThan(50);
  });

  it('refuses every assertion with a bit changed after signing', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...faithlessKeys),
        fc.constantFrom('authenticatorData', 'clientDataJSON', 'signature'),
        fc.nat(),
        fc.nat(7),
        (key, part, at, bit) => {
          const octets = key.assert(authenticatorDataOf(), clientDataOf());
          const changed = Buffer.from(octets[part]);
          changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ (1 << bit);
          // The library accepts some of these: it reads ECDSA signatures as looser DER.
          expect(verdictOf({ ...octets, [part]: changed }, key)).not.toBe('ok');
        },
      ),
      { numRuns: 800 },
    );
  });

  it('agree on ECDSA signatures in every encoding', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 74 }), fc.nat(72), async (octets, at) => {
        const proper = es256.assert(authenticatorDataOf(), clientDataOf());
        const signature = Buffer.from(proper.signature);
        signature.set(octets.subarray(0, signature.length - (at % signature.length)), at % signature.length);
        const forged = { ...proper, signature };
        if (verdictOf(forged, es256) === 'ok') expect(await verdictOfLibrary(forged, es256)).toBe('ok');
        else expect(verdictOf(forged, es256)).toBe('signature_wrong');
      }),
      { numRuns: 200 },
    );
  });
});
