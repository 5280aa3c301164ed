import { verify } from 'node:crypto';
import { decodeBase64Url, isObject, membersOf, parseJson } from '@countersign/kernel';
import type { VerificationKey } from '@countersign/oauth';

/** Characters. */
const longestProof = 2_048;

/** The proof that a request comes from an enrolled device. */
export interface ShownProof {
  readonly device: string;
  readonly challenge: string;
  readonly signature: Buffer;
}

export const devicePattern = /^device:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,118}[A-Za-z0-9])?$/;

/** Reads a form field or its parsed value: `none` if there is no proof. */
export function readProof(shown: unknown): ShownProof | 'none' | 'malformed' {
  if (shown === undefined || shown === null || shown === '') return 'none';
  const members = typeof shown === 'string' ? membersOfText(shown) : isObject(shown) ? shown : undefined;
  const { device, challenge, signature } = members ?? {};
  if (typeof device !== 'string' || !devicePattern.test(device)) return 'malformed';
  if (typeof challenge !== 'string' || challenge.length > 200 || typeof signature !== 'string') return 'malformed';
  const bytes = signature.length > 86 ? undefined : decodeBase64Url(signature);
  return bytes?.length === 64 ? { device, challenge, signature: bytes } : 'malformed';
}

export function readNewKey(
  field: string | undefined,
): { readonly jwk: unknown; readonly challenge: string; readonly signature: Buffer } | undefined {
  const { jwk, challenge, signature } = (field === undefined ? undefined : membersOfText(field)) ?? {};
  if (typeof challenge !== 'string' || typeof signature !== 'string' || signature.length > 86) return undefined;
  const bytes = decodeBase64Url(signature);
  return bytes?.length === 64 ? { jwk, challenge, signature: bytes } : undefined;
}

/** ES256 (RFC 7518 section 3.4) over the challenge's text. */
export function signedBy({ key, algorithm }: VerificationKey, challenge: string, signature: Buffer): boolean {
  return (
    algorithm === 'ES256' && verify('sha256', Buffer.from(challenge), { key, dsaEncoding: 'ieee-p1363' }, signature)
  );
}

function membersOfText(text: string): Readonly<Record<string, unknown>> | undefined {
  const parsed = parseJson(text, { maxLength: longestProof });
  return parsed.ok ? membersOf(parsed.value) : undefined;
}
