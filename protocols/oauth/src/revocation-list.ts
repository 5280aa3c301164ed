import { type Digest, type Json, membersOf, parseDigest } from '@countersign/kernel';
import { type ClaimRefusal, checkClaims, readSeconds } from './claims.ts';
import { revocationListErrors } from './errors.ts';
import type { SigningKeyName } from './issued-jwt.ts';
import {
  type EncodedHeader,
  encodeHeader,
  hasType,
  type JsonObject,
  type JwsRefusal,
  parseCompactJws,
  signCompactJws,
  verifyJws,
} from './jws.ts';
import type { VerificationKey } from './key-cache.ts';

export const revocationListLifetimeSeconds = 60;
/** A revocation is listed only while an affected token can be valid. */
export const maxRevocationEntries = 20_000;
/** Characters. */
export const maxRevocationListLength = 128 * maxRevocationEntries;

export interface RevocationList {
  /** Grows with every change. */
  readonly version: number;
  readonly entries: readonly RevocationEntry[];
}

export interface RevocationEntry {
  readonly key: Digest;
  /** Seconds since the epoch. */
  readonly before: number;
}

export interface VerifiedRevocationList {
  readonly version: number;
  /** Milliseconds since the epoch, by the issuer's clock. */
  readonly issuedAt: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Key, and the time in seconds up to which tokens are ended. */
  readonly revoked: ReadonlyMap<Digest, number>;
}

export function revocationListHeader(key: SigningKeyName): EncodedHeader {
  return encodeHeader({ alg: key.algorithm, typ: 'revocation-list+jwt', kid: key.kid });
}

/**
 * Valid for {@link revocationListLifetimeSeconds} from `now` (milliseconds). @throws CodedError
 * `revocation_list_too_large`
 */
export async function signRevocationList(
  list: RevocationList,
  { issuer, now }: { readonly issuer: string; readonly now: number },
  header: EncodedHeader,
  sign: (signingInput: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  if (list.entries.length > maxRevocationEntries)
    throw refuse('revocation_list_too_large', `It would hold more than ${maxRevocationEntries} entries.`);
  const iat = Math.floor(now / 1000);
  const { version, entries } = list;
  return signCompactJws({ iss: issuer, iat, exp: iat + revocationListLifetimeSeconds, version, entries }, header, sign);
}

const codeOfProblem = {
  malformed: 'revocation_list_malformed',
  algorithm: 'revocation_list_malformed',
  signature: 'revocation_list_signature',
} as const;
const refuseJws: JwsRefusal = (problem, detail) => refuse(codeOfProblem[problem], detail);
const refuseClaims: ClaimRefusal = (fault, detail) =>
  refuse(fault === 'issuer' || fault === 'expired' ? `revocation_list_${fault}` : 'revocation_list_malformed', detail);

/**
 * The caller must check freshness, and that `version` is not older than before. @throws CodedError of {@link
 * revocationListErrors}; a caller without a valid list must refuse access
 */
export function verifyRevocationList(
  text: string,
  expected: {
    readonly issuer: string;
    /** The issuer's key with this `kid`. */
    readonly keyOf: (kid: string) => VerificationKey | undefined;
    /** Milliseconds since the epoch. */
    readonly now: number;
  },
): VerifiedRevocationList {
  const jws = parseCompactJws(text, refuseJws, { maxLength: maxRevocationListLength });
  if (!hasType(jws.header, 'revocation-list+jwt'))
    throw refuse('revocation_list_type', 'Its typ must be revocation-list+jwt.');
  const key = jws.header.kid === undefined ? undefined : expected.keyOf(jws.header.kid);
  if (key === undefined) throw refuse('revocation_list_key_unknown', 'It names no key of the issuer that is in use.');
  const claims = verifyJws(jws, key, refuseJws);
  const { iat, exp } = checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp', 'iat'],
      issuer: expected.issuer,
      maxLifetimeSeconds: revocationListLifetimeSeconds,
    },
    refuseClaims,
  );
  return {
    version: readVersion(claims),
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    revoked: readEntries(claims['entries']),
  };
}

function readVersion(claims: JsonObject): number {
  const version = claims['version'];
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0)
    throw refuse('revocation_list_malformed', 'Its version is not a count.');
  return version;
}

/** A malformed entry may be the relevant one, so it invalidates the list. */
function readEntries(entries: Json | undefined): ReadonlyMap<Digest, number> {
  if (!Array.isArray(entries)) throw refuse('revocation_list_malformed', 'It has no entries.');
  if (entries.length > maxRevocationEntries)
    throw refuse('revocation_list_too_large', `It holds more than ${maxRevocationEntries} entries.`);
  const revoked = new Map<Digest, number>();
  // Each entry is checked below.
  for (const entry of entries as readonly Json[]) {
    const members = membersOf(entry) ?? {};
    const key = parseDigest(members['key']);
    const before = readSeconds(members, 'before');
    if (key === undefined || before === undefined)
      throw refuse('revocation_list_malformed', 'One of its entries is malformed.');
    revoked.set(key, Math.max(before, revoked.get(key) ?? 0));
  }
  return revoked;
}

function refuse(code: keyof typeof revocationListErrors.codes, detail: string) {
  return revocationListErrors.error(code, `The revocation list is not accepted. ${detail}`);
}
