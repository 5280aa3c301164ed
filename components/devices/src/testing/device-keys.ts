import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** A key as a browser would hold it. */
export interface TestKey {
  readonly jwk: { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string };
  sign(text: string): string;
}

export function createTestKey(): TestKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty = '', crv = '', x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { jwk: { kty, crv, x, y }, sign: (text) => signed(privateKey, text) };
}

function signed(key: KeyObject, text: string): string {
  return sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

/** The field that the page's script fills in for an enrolment. */
export function newKeyField(key: TestKey, challenge: string, changes: object = {}): string {
  return JSON.stringify({ jwk: key.jwk, challenge, signature: key.sign(challenge), ...changes });
}

/** The field that it fills in for a sign-in. */
export function proofField(key: TestKey, device: string, challenge: string): string {
  return JSON.stringify({ device, challenge, signature: key.sign(challenge) });
}

/** A feed's report in compact serialization. */
export function reportOf(
  key: TestKey,
  claims: object,
  header: object = { alg: 'ES256', typ: 'countersign-posture+jwt', kid: 'feed-1' },
): string {
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encoded(header)}.${encoded(claims)}`;
  return `${input}.${key.sign(input)}`;
}
