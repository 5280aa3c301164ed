import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { digestOf, intentDigestOf, parseId } from '@countersign/kernel';
import { importVerificationKey, type VerificationKey } from '@countersign/oauth';
import type { IdentityEnvelope } from '../envelope.ts';
import { subjectReference } from '../subject-reference.ts';

export const issuer = 'https://identity.example';
export const referenceKey = Buffer.alloc(32, 7);
/** Seconds since the epoch. */
export const issuedAt = 1_800_000_000;

/** A well-formed id that ends in a number. */
export function idOf<Kind extends Parameters<typeof parseId>[0]>(kind: Kind, prefix: string, number: number) {
  const id = parseId(kind, `${prefix}_${String(number).padStart(26, '0')}`);
  if (id === undefined) throw new Error('not an id');
  return id;
}

export const exampleEnvelope: IdentityEnvelope = {
  issuer,
  issuedAt,
  expiresAt: issuedAt + 900,
  record: idOf('record', 'rec', 1),
  transaction: idOf('transaction', 'txn', 1),
  state: 'given-up',
  version: 3,
  intentDigest: intentDigestOf({ type: 'an intent' }),
  intentType: 'urn:countersign:rar:v1:trade_order',
  subject: { ref: subjectReference('person:anna.keller', referenceKey), institution: '529900T8BM49AURSDO55' },
  actors: [
    { ref: subjectReference('service:gateway', referenceKey) },
    { ref: subjectReference('agent:momentum', referenceKey), institution: '213800WAVVOPS85N2205' },
  ],
  mandates: [
    { id: idOf('mandate', 'mnd', 2), version: 4, digest: digestOf('child') },
    { id: idOf('mandate', 'mnd', 1), version: 1 },
  ],
  approvals: [{ id: idOf('approval', 'apr', 1), record: idOf('record', 'rec', 2) }],
  decisions: [
    { id: idOf('decision', 'dec', 1), record: idOf('record', 'rec', 3), policyVersion: 12 },
    { record: idOf('record', 'rec', 4) },
  ],
  mode: 'automatic',
};

export interface ExampleKey {
  readonly kid: string;
  readonly algorithm: 'ES256' | 'EdDSA';
  readonly verification: VerificationKey;
  readonly sign: (input: Uint8Array) => Promise<Uint8Array>;
}

export function exampleKey(algorithm: 'ES256' | 'EdDSA'): ExampleKey {
  const { privateKey, publicKey } =
    algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  const verification = importVerificationKey(publicKey.export({ format: 'jwk' }));
  return {
    kid: verification.thumbprint,
    algorithm,
    verification,
    sign: async (input) => signed(input, privateKey, algorithm),
  };
}

function signed(input: Uint8Array, key: KeyObject, algorithm: 'ES256' | 'EdDSA'): Uint8Array {
  return algorithm === 'ES256' ? sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' }) : sign(null, input, key);
}
