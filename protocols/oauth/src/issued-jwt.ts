import type { CodedError } from '@countersign/kernel';
import type { ClaimFault, ClaimRefusal } from './claims.ts';
import {
  type EncodedHeader,
  encodeHeader,
  type JwsProblem,
  maxJwsLength,
  parseCompactJws,
  type VerifiedClaims,
  verifyJws,
} from './jws.ts';
import { hasType } from './jws-type.ts';
import { type IssuerAlgorithm, signatureAlgorithms, type VerificationKey } from './key-cache.ts';

/** In which way a JWT that an issuer signed is wrong; each kind of JWT has its own code for each. */
export type IssuedJwtProblem = JwsProblem | 'type' | 'issuer' | 'key' | 'audience' | 'time' | 'expired' | 'claims';

/** Makes the error of the caller's vocabulary. */
export type IssuedJwtRefusal = (problem: IssuedJwtProblem, detail: string) => CodedError;

/** A key that signs, as its JWS header names it. */
export interface SigningKeyName {
  readonly kid: string;
  readonly algorithm: IssuerAlgorithm;
}

/** The header of every JWT of one kind that is signed with one key. */
export function issuedJwtHeader(typ: string, key: SigningKeyName): EncodedHeader {
  return encodeHeader({ alg: key.algorithm, typ, kid: key.kid });
}

/**
 * Verifies type, issuer and signature of a JWT that an issuer signed with a key from its key set.
 *
 * The issuer is compared before a key is looked for: a key set must never be chosen by what an unverified text says
 * (JARM section 2.4, RFC 8725 section 3.8).
 *
 * @param expected.types the accepted types, as `hasType` compares them; `undefined` among them accepts its absence
 * @throws what `refuse` makes
 */
export function verifyIssuedJwt(
  text: string,
  expected: {
    readonly types: readonly (string | undefined)[];
    readonly issuer: string;
    readonly keyOf: (kid: string) => VerificationKey<IssuerAlgorithm> | undefined;
    /** In characters; `maxJwsLength` when left out. */
    readonly maxLength?: number;
    /** Those that are accepted of everybody when left out. */
    readonly algorithms?: readonly IssuerAlgorithm[];
  },
  refuse: IssuedJwtRefusal,
): VerifiedClaims {
  const jws = parseCompactJws(text, refuse, {
    maxLength: expected.maxLength ?? maxJwsLength,
    algorithms: expected.algorithms ?? signatureAlgorithms,
  });
  // RFC 8725 section 3.11: one key may sign many kinds of JWT, and a verifier takes exactly one of them.
  if (!hasType(jws.header, ...expected.types)) throw refuse('type', 'Its typ is that of another kind of token.');
  if (jws.unverifiedClaims['iss'] !== expected.issuer) throw refuse('issuer', `Its issuer must be ${expected.issuer}.`);
  const key = jws.header.kid === undefined ? undefined : expected.keyOf(jws.header.kid);
  if (key === undefined) throw refuse('key', 'It names no key of the issuer that is in use.');
  return verifyJws(jws, key, refuse);
}

const problemOfFault = {
  issuer: 'issuer',
  audience: 'audience',
  time: 'time',
  ahead: 'time',
  age: 'expired',
  expired: 'expired',
  lifetime: 'time',
  id: 'claims',
} as const satisfies Record<ClaimFault, IssuedJwtProblem>;

/** The refusal for `checkClaims` in the words of a verifier of issued JWTs. */
export function claimRefusalOf(refuse: IssuedJwtRefusal): ClaimRefusal {
  return (fault, detail) => refuse(problemOfFault[fault], detail);
}
