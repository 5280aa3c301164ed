import { createHash, sign } from 'node:crypto';
import { defined, isCodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import {
  derElement,
  derInteger,
  derNull,
  derOctetString,
  derSequence,
  derSetOf,
} from '../../../x509/src/der/der-writer.ts';
import { issueCertificate, type TestCertificate, testTime } from '../../../x509/src/testing/test-authority.ts';
import { type Cbor, writeCbor } from '../cbor.ts';
import { coseKeyOfJwk } from '../cose-key.ts';
import { readAttestationTrust, readRegistration, verifyRegistration } from './index.ts';

const relyingParty = { rpId: 'id.example.com', origins: ['https://id.example.com'] };
const challenge = Buffer.alloc(32, 7).toString('base64url');
const keyDescription = '1.3.6.1.4.1.11129.2.1.17';
const root = issueCertificate({ name: 'Android root', authority: true });
const trust = readAttestationTrust({
  roots: `-----BEGIN CERTIFICATE-----\n${Buffer.from(root.certificate).toString('base64')}\n-----END CERTIFICATE-----`,
});
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest();

/** `[n] EXPLICIT` of an authorization list, in which most numbers are over 30. */
function field(number: number, value: Uint8Array): Uint8Array {
  if (number < 31) return derElement(0xa0 | number, value);
  const [, ...rest] = derElement(0x00, value);
  return Uint8Array.of(0xbf, 0x80 | (number >> 7), number & 0x7f, ...rest);
}
const purposes = (...numbers: readonly number[]) =>
  field(
    1,
    derSetOf(
      0x31,
      numbers.map((number) => derInteger(number)),
    ),
  );
const origin = (number: number) => field(702, derInteger(number));
const generated = [purposes(2), origin(0)];

interface Wishes {
  readonly level?: number;
  readonly software?: readonly Uint8Array[];
  readonly hardware?: readonly Uint8Array[];
  readonly kind?: 'p256' | 'p384' | 'rsa' | 'rsa-1024';
  /** Replaces the digest of the client data. */
  readonly attestedChallenge?: Uint8Array;
  readonly description?: Uint8Array | 'none';
  readonly algorithm?: number;
  /** Replaces the key of the credential as signer. */
  readonly signer?: TestCertificate;
  /** Replaces the certificate shown. */
  readonly shown?: TestCertificate;
  readonly notAfter?: number;
  readonly at?: number;
}

/** The result of a phone's attestation, valid or not: its trust level, or the code of the refusal. */
async function outcomeOf(wishes: Wishes = {}): Promise<string> {
  const { kind = 'p256', at = testTime } = wishes;
  const clientData = Buffer.from(
    JSON.stringify({ type: 'webauthn.create', challenge, origin: 'https://id.example.com', crossOrigin: false }),
  );
  const description = derSequence(
    derInteger(300),
    derElement(0x0a, Uint8Array.of(wishes.level ?? 1)),
    derInteger(300),
    derElement(0x0a, Uint8Array.of(wishes.level ?? 1)),
    derOctetString(wishes.attestedChallenge ?? sha256(clientData)),
    derOctetString(new Uint8Array()),
    derSequence(...(wishes.software ?? [])),
    derSequence(...(wishes.hardware ?? generated)),
  );
  const own = issueCertificate({
    name: 'Android Keystore Key',
    issuer: root,
    kind,
    extendedKeyUsage: null,
    ...defined({ notAfter: wishes.notAfter }),
    ...(wishes.description === 'none' ? {} : { extension: [keyDescription, wishes.description ?? description] }),
  });
  const id = Buffer.alloc(32, 3);
  const { d: _d, ...jwk } = own.privateKey.export({ format: 'jwk' }) as Record<string, string>;
  const { kty, crv, x, y, n, e } = jwk;
  const members = Object.entries({ kty, crv, x, y, n, e }).filter(
    (member): member is [string, string] => member[1] !== undefined,
  );
  const data = Buffer.concat([
    sha256(Buffer.from('id.example.com')),
    Buffer.from([0x45, 0, 0, 0, 0]),
    Buffer.alloc(16, 9),
    Buffer.from([0, id.length]),
    id,
    coseKeyOfJwk(Object.fromEntries(members)),
  ]);
  const signer = wishes.signer ?? own;
  const hash = signer.kind === 'p384' ? 'sha384' : 'sha256';
  const algorithms = { p256: -7, p384: -35, rsa: -257, 'rsa-1024': -257 } as const;
  const object = writeCbor(
    new Map<string, Cbor>([
      ['fmt', 'android-key'],
      [
        'attStmt',
        new Map<string, Cbor>([
          ['alg', wishes.algorithm ?? algorithms[kind]],
          ['sig', sign(hash, Buffer.concat([data, sha256(clientData)]), signer.privateKey)],
          ['x5c', [(wishes.shown ?? own).certificate, root.certificate]],
        ]),
      ],
      ['authData', data],
    ]),
  );
  const registration = readRegistration({
    id: id.toString('base64url'),
    rawId: id.toString('base64url'),
    type: 'public-key',
    response: {
      clientDataJSON: clientData.toString('base64url'),
      attestationObject: Buffer.from(object).toString('base64url'),
    },
  });
  try {
    return (await verifyRegistration({ registration, challenge, relyingParty, trust, at })).attestation;
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}

describe('an attestation of the Android Keystore', () => {
  it.each(['p256', 'p384', 'rsa'] as const)('for a hardware key of the kind %s leads to a root', async (kind) => {
    expect(await outcomeOf({ kind })).toBe('trusted');
    expect(await outcomeOf({ kind, level: 2 })).toBe('trusted');
  });

  it.each<[string, Wishes]>([
    ['the level is that of software', { level: 0 }],
    ['the level is unknown', { level: 7 }],
    ['software alone says how the key was made', { software: generated, hardware: [] }],
    ['nothing says where the key is from', { hardware: [purposes(2)] }],
    ['nothing says what the key is for', { hardware: [origin(0)] }],
    ['the certificate has expired', { notAfter: testTime - 1_000 }],
  ])('is untrusted if %s', async (_, wishes) => {
    expect(await outcomeOf(wishes)).toBe('untrusted');
  });

  it.each<[string, Wishes]>([
    ['another key signed it', { signer: issueCertificate() }],
    ['it shows the certificate of another key', { shown: issueCertificate({ issuer: root, extendedKeyUsage: null }) }],
    ['it was made for another registration', { attestedChallenge: sha256(Buffer.from('another')) }],
    ['its certificate does not describe the key', { description: 'none' }],
    ['the description is no sequence', { description: derNull() }],
    ['the description is cut off', { description: derSequence(derInteger(300)) }],
    ['every application may use the key', { hardware: [...generated, field(600, derNull())] }],
    ['software says that every application may use the key', { software: [field(600, derNull())] }],
    ['the key was imported', { hardware: [purposes(2), origin(2)] }],
    ['software says that the key was imported', { software: [origin(2)] }],
    ['the key decrypts as well', { hardware: [purposes(2, 1), origin(0)] }],
    ['a field is repeated', { hardware: [purposes(2), origin(0), origin(0)] }],
    ['a tag is longer than necessary', { hardware: [Uint8Array.of(0xbf, 0x80, 0x01, 0), ...generated] }],
    ['a small tag is written as a large one', { hardware: [Uint8Array.of(0xbf, 0x01, 0), ...generated] }],
    ['a field reaches past its list', { hardware: [Uint8Array.of(0xa1, 0x20)] }],
    ['its algorithm was not requested', { algorithm: -65_535 }],
    ['its algorithm is that of another kind of key', { algorithm: -257 }],
    ['its algorithm has another digest', { algorithm: -35 }],
  ])('is refused if %s', async (_, wishes) => {
    expect(await outcomeOf(wishes)).toBe('attestation_untrusted');
  });

  it('of a key that is too weak is refused with that key', async () => {
    expect(await outcomeOf({ kind: 'rsa-1024' })).toBe('credential_malformed');
  });
});
