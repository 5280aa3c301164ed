import type { CodedError } from '@countersign/kernel';
import type { ClaimFault, ClaimRefusal } from './claims.ts';
import {
  type EncodedHeader,
  encodeHeader,
  hasType,
  type JwsProblem,
  maxJwsLength,
  parseCompactJws,
  type VerifiedClaims,
  verifyJws,
} from './jws.ts';
import { type IssuerAlgorithm, signatureAlgorithms, type VerificationKey } from './key-cache.ts';

/** Each kind of JWT has its own error code for each. */
export type IssuedJwtProblem = JwsProblem | 'type' | 'issuer' | 'key' | 'audience' | 'time' | 'expired' | 'claims';

/** Makes the error of the caller's vocabulary. */
export type IssuedJwtRefusal = (problem: IssuedJwtProblem, detail: string) => CodedError;

export interface SigningKeyName {
  readonly kid: string;
  readonly algorithm: IssuerAlgorithm;
}

export function issuedJwtHeaders(typ: string) {
  return ({ kid, algorithm: alg }: SigningKeyName): EncodedHeader => encodeHeader({ alg, typ, kid });
}

/**
 * The issuer is checked before the key lookup: unverified text must never select the key set (JARM section 2.4, RFC
 * 8725 section 3.8). @param expected.types `undefined` permits an absent type @throws the error that `refuse` makes
 */
export function verifyIssuedJwt(
  text: string,
  expected: {
    readonly types: readonly (string | undefined)[];
    readonly issuer: string;
    readonly keyOf: (kid: string) => VerificationKey<IssuerAlgorithm> | undefined;
    /** Characters. Default `maxJwsLength`. */
    readonly maxLength?: number;
    /** Default: those accepted from every issuer. */
    readonly algorithms?: readonly IssuerAlgorithm[];
  },
  refuse: IssuedJwtRefusal,
): VerifiedClaims {
  const jws = parseCompactJws(text, refuse, {
    maxLength: expected.maxLength ?? maxJwsLength,
    algorithms: expected.algorithms ?? signatureAlgorithms,
  });
  // RFC 8725 section 3.11: each verifier accepts exactly one kind.
  if (!hasType(jws.header, ...expected.types)) throw refuse('type', 'Its typ is that of another token type.');
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

export function claimRefusalOf(refuse: IssuedJwtRefusal): ClaimRefusal {
  return (fault, detail) => refuse(problemOfFault[fault], detail);
}
