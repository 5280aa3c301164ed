import { type Brand, errorVocabulary, type Json } from '@countersign/kernel';
import { type ClaimRefusal, checkClaims } from './claims.ts';
import { issuedJwtHeaders } from './issued-jwt.ts';
import {
  hasType,
  type JsonObject,
  type JwsRefusal,
  type JwtSigner,
  parseCompactJws,
  signCompactJws,
  verifyJws,
} from './jws.ts';
import type { Thumbprint, VerificationKey } from './key-cache.ts';
import { findRegisteredKey, type RegisteredKey } from './registered-key.ts';
import type { RequestParameters } from './request-parameters.ts';

/** FAPI 2.0 Message Signing section 5.3.1: bounds the age of `nbf` and the time to `exp`. */
export const maxRequestObjectLifetimeSeconds = 3_600;

/** Characters. Several authorization details fit. */
export const maxRequestObjectLength = 49_152;

/** `invalid_request_object` (RFC 9101 section 7). */
export const requestObjectErrors = errorVocabulary({
  request_object_malformed: 'invalid',
  request_object_algorithm: 'invalid',
  request_object_signature: 'invalid',
  request_object_type: 'invalid',
  request_object_issuer: 'invalid',
  request_object_key: 'invalid',
  request_object_audience: 'invalid',
  request_object_client: 'invalid',
  request_object_subject: 'invalid',
  request_object_time: 'invalid',
  request_object_expired: 'invalid',
  request_object_lifetime: 'invalid',
  request_object_nested: 'invalid',
});

/** Parameters outside the object must be ignored (RFC 9101 section 6.3). */
export type VerifiedRequestObject = Brand<
  {
    readonly parameters: RequestParameters;
    /** RFC 7638, of the signing key. */
    readonly keyThumbprint: Thumbprint;
  },
  'VerifiedRequestObject'
>;

export interface RequestObjectExpectations {
  /** The only accepted audience. */
  readonly issuer: string;
  /** From its authentication or the outer `client_id`. */
  readonly clientId: string;
  /** Undefined if the client is unknown. */
  readonly keysOf: (clientId: string) => readonly RegisteredKey[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const codeOfProblem = {
  malformed: 'request_object_malformed',
  algorithm: 'request_object_algorithm',
  signature: 'request_object_signature',
} as const;
const refuseJws: JwsRefusal = (problem, detail) => refuse(codeOfProblem[problem], detail);

const codeOfFault = {
  issuer: 'request_object_issuer',
  audience: 'request_object_audience',
  time: 'request_object_time',
  ahead: 'request_object_time',
  age: 'request_object_time',
  expired: 'request_object_expired',
  lifetime: 'request_object_lifetime',
  id: 'request_object_malformed',
} as const;
const refuseClaims: ClaimRefusal = (fault, detail) => refuse(codeOfFault[fault], detail);

/** RFC 9101 section 4; existing clients omit it or send JWT. */
const acceptedTypes: readonly (string | undefined)[] = ['oauth-authz-req+jwt', 'JWT', undefined];

/** RFC 7519 section 4.1: not request parameters. */
const registeredClaims: ReadonlySet<string> = new Set(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']);

/** RFC 9101 section 6, FAPI 2.0 Message Signing section 5.3.1. @throws CodedError of {@link requestObjectErrors} */
export function verifyRequestObject(text: string, expected: RequestObjectExpectations): VerifiedRequestObject {
  const jws = parseCompactJws(text, refuseJws, { maxLength: maxRequestObjectLength });
  if (!hasType(jws.header, ...acceptedTypes))
    throw refuse('request_object_type', 'Its typ is that of another token type.');
  if (jws.unverifiedClaims['iss'] !== expected.clientId)
    throw refuse('request_object_issuer', 'Its iss must be the client_id.');
  const key = keyOrRefuse(findRegisteredKey(expected.keysOf(expected.clientId), jws.header));
  const claims = verifyJws(jws, key, refuseJws);
  checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp', 'nbf'],
      audience: [expected.issuer],
      audienceArray: 'several',
      startsAt: 'nbf',
      maxAgeSeconds: maxRequestObjectLifetimeSeconds,
      maxLifetimeSeconds: maxRequestObjectLifetimeSeconds,
    },
    refuseClaims,
  );
  if (claims['client_id'] !== expected.clientId)
    throw refuse('request_object_client', 'Its client_id must be that of the client that sends it.');
  // RFC 9101 section 10.8: otherwise it could pass for a client assertion.
  if (claims['sub'] === expected.clientId) throw refuse('request_object_subject', 'Its sub must not be the client_id.');
  if (Object.hasOwn(claims, 'request') || Object.hasOwn(claims, 'request_uri'))
    throw refuse('request_object_nested', 'It must not hold request or request_uri.');
  // As in a form.
  if (holdsNull(claims)) throw refuse('request_object_malformed', 'It holds the character U+0000.');
  const parameters: RequestParameters = new Map(Object.entries(claims).filter(([name]) => !registeredClaims.has(name)));
  return { parameters, keyThumbprint: key.thumbprint } as VerifiedRequestObject;
}

/** The parser bounds the nesting. */
function holdsNull(value: Json): boolean {
  if (typeof value === 'string') return value.includes('\0');
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, member]) => name.includes('\0') || holdsNull(member));
}

function keyOrRefuse(found: ReturnType<typeof findRegisteredKey>): VerificationKey {
  if (found === 'none')
    throw refuse('request_object_key', 'The client has no registered key with the kid and alg of the header.');
  if (found === 'several')
    throw refuse('request_object_key', 'The client has several keys that fit: the header must name one by its kid.');
  return found;
}

/** Expires in five minutes. `now` in milliseconds. */
export function composeRequestObject(of: {
  /** The authorization server. */
  readonly audience: string;
  readonly clientId: string;
  /** Numbers and JSON parameters as JSON, not as text (RFC 9101 section 4). */
  readonly parameters: JsonObject;
  readonly now: number;
}): JsonObject {
  const nbf = Math.floor(of.now / 1000);
  return { ...of.parameters, client_id: of.clientId, iss: of.clientId, aud: of.audience, nbf, exp: nbf + 300 };
}

export const requestObjectHeader = issuedJwtHeaders('oauth-authz-req+jwt');

export const signRequestObject: JwtSigner<JsonObject> = signCompactJws;

function refuse(code: keyof typeof requestObjectErrors.codes, detail: string) {
  return requestObjectErrors.error(code, `The request object is not accepted. ${detail}`);
}
