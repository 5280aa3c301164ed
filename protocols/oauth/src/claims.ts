import type { CodedError, Json } from '@countersign/kernel';
import type { JsonObject } from './jws.ts';
import { asStrings, memberOf } from './members.ts';

/** How far a sender's clock may be ahead (FAPI 2.0 Security Profile section 5.3.2.1). */
export const clockLeadSeconds = 10;

/** 1 to `maxLength` characters. */
export function readString(claims: JsonObject, name: string, maxLength: number): string | undefined {
  const value = memberOf(claims, name);
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength ? value : undefined;
}

/** A NumericDate (RFC 7519 section 2) up to the year 9999, in seconds. */
export function readSeconds(claims: JsonObject, name: string): number | undefined {
  const value = memberOf(claims, name);
  return typeof value === 'number' && value >= 0 && value < 253_402_300_800 ? value : undefined;
}

/** RFC 7519 section 4.1. */
export type ClaimFault =
  | 'issuer'
  | 'audience'
  /** A required `exp`, `iat` or `nbf` is missing or malformed. */
  | 'time'
  /** `iat` or `nbf` is in the future or malformed. */
  | 'ahead'
  /** It was issued too long ago. */
  | 'age'
  | 'expired'
  /** `exp` is too long after the start. */
  | 'lifetime'
  /** A required `jti` is missing or malformed. */
  | 'id';

/** Makes the error of the caller's vocabulary. */
export type ClaimRefusal = (fault: ClaimFault, detail: string) => CodedError;

interface RegisteredClaims {
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
}

export interface ClaimRules<Required extends keyof RegisteredClaims> {
  readonly nowSeconds: number;
  /** Optional claims are checked if present. */
  readonly required: readonly Required[];
  readonly issuer?: string;
  readonly audience?: readonly string[] | ((audience: string) => boolean);
  /** Default: arrays are refused. `several` allows up to eight. */
  readonly audienceArray?: 'one' | 'several';
  /** Default {@link clockLeadSeconds}. */
  readonly skewSeconds?: number;
  /** Start of age and lifetime. Default `iat`. `now` bounds the remaining time, whatever `iat` is. */
  readonly startsAt?: 'iat' | 'nbf' | 'now';
  readonly maxAgeSeconds?: number;
  /** After `iat`, even without an `exp` or with a later one. */
  readonly expiresAfterSeconds?: number;
  /** Without a start claim, this bounds the remaining time. */
  readonly maxLifetimeSeconds?: number;
  readonly acceptExpired?: boolean;
  /** Characters. Default 128. */
  readonly maxIdLength?: number;
}

/** Times in seconds since the epoch. */
export type CheckedClaims<Required extends keyof RegisteredClaims> = {
  readonly [Name in keyof RegisteredClaims]: Name extends Required
    ? RegisteredClaims[Name]
    : RegisteredClaims[Name] | undefined;
};

/**
 * RFC 7519 section 4.1, with the rules of each verifier. @throws the error that `refuse` makes for the result of {@link
 * findClaimFault}
 */
export function checkClaims<Required extends keyof RegisteredClaims = never>(
  claims: JsonObject,
  rules: ClaimRules<Required>,
  refuse: ClaimRefusal,
): CheckedClaims<Required> {
  const read = readRegistered(claims, rules);
  const found = faultIn(claims, read, rules);
  if (found !== undefined) throw refuse(found.fault, found.detail);
  // Required claims are defined here, which the compiler cannot infer.
  return read as CheckedClaims<Required>;
}

/** The first fault, in the order of {@link ClaimFault}. */
export function findClaimFault<Required extends keyof RegisteredClaims>(
  claims: JsonObject,
  rules: ClaimRules<Required>,
): FoundFault | undefined {
  return faultIn(claims, readRegistered(claims, rules), rules);
}

type Read = CheckedClaims<never>;

const defaultIdLength = 128;

const readRegistered = (claims: JsonObject, { maxIdLength }: Pick<ClaimRules<never>, 'maxIdLength'>): Read => ({
  exp: readSeconds(claims, 'exp'),
  iat: readSeconds(claims, 'iat'),
  nbf: readSeconds(claims, 'nbf'),
  jti: readString(claims, 'jti', maxIdLength ?? defaultIdLength),
});

function faultIn<Required extends keyof RegisteredClaims>(
  claims: JsonObject,
  read: Read,
  rules: ClaimRules<Required>,
): FoundFault | undefined {
  if (rules.issuer !== undefined && memberOf(claims, 'iss') !== rules.issuer)
    return faultOf('issuer', `Its issuer must be ${rules.issuer}.`);
  const required: readonly (keyof RegisteredClaims)[] = rules.required;
  return (
    findAudienceFault(claims, rules) ??
    findTimeFault(claims, read, rules) ??
    (read.jti === undefined && required.includes('jti')
      ? faultOf('id', `It must have a jti of 1 to ${rules.maxIdLength ?? defaultIdLength} characters.`)
      : undefined)
  );
}

interface FoundFault {
  readonly fault: ClaimFault;
  readonly detail: string;
}

const faultOf = (fault: ClaimFault, detail: string): FoundFault => ({ fault, detail });

function findTimeFault<Required extends keyof RegisteredClaims>(
  claims: JsonObject,
  times: Read,
  rules: ClaimRules<Required>,
): FoundFault | undefined {
  const { nowSeconds: now, skewSeconds = clockLeadSeconds, startsAt = 'iat' } = rules;
  const required: readonly (keyof RegisteredClaims)[] = rules.required;
  const { exp, iat } = times;
  for (const name of ['exp', 'iat', 'nbf'] as const)
    if (required.includes(name) && times[name] === undefined)
      return faultOf('time', `It must have ${name}, in seconds since the epoch.`);
  for (const name of ['iat', 'nbf'] as const) {
    const time = times[name];
    if (memberOf(claims, name) !== undefined && (time === undefined || time > now + skewSeconds))
      return faultOf('ahead', `Its ${name} must be a time at most ${skewSeconds} seconds ahead.`);
  }
  const start = startsAt === 'now' ? now + skewSeconds : times[startsAt];
  const { maxAgeSeconds, expiresAfterSeconds, maxLifetimeSeconds } = rules;
  if (maxAgeSeconds !== undefined && (start === undefined || now - start > maxAgeSeconds))
    return faultOf('age', `It must be at most ${maxAgeSeconds} seconds old.`);
  // RFC 7519 section 4.1.4: a present exp always applies.
  if (rules.acceptExpired !== true && memberOf(claims, 'exp') !== undefined && (exp === undefined || exp <= now))
    return faultOf('expired', 'It has expired.');
  if (expiresAfterSeconds !== undefined && (iat === undefined || iat + expiresAfterSeconds <= now))
    return faultOf('expired', `It expires ${expiresAfterSeconds} seconds after its iat.`);
  if (maxLifetimeSeconds !== undefined && exp !== undefined && exp - (start ?? now) > maxLifetimeSeconds)
    return faultOf('lifetime', `It must not be valid for more than ${maxLifetimeSeconds} seconds.`);
  return undefined;
}

const maxAudiences = 8;

function findAudienceFault(
  claims: JsonObject,
  { audience: accepted, audienceArray }: Pick<ClaimRules<never>, 'audience' | 'audienceArray'>,
): FoundFault | undefined {
  if (accepted === undefined) return undefined;
  const accepts = (named: Json | undefined): boolean =>
    typeof named === 'string' && (typeof accepted === 'function' ? accepted(named) : accepted.includes(named));
  const audience = memberOf(claims, 'aud');
  const most = audienceArray === undefined ? 0 : audienceArray === 'one' ? 1 : maxAudiences;
  const named = most === 0 ? undefined : asStrings(audience, { maxItems: most, maxLength: 2_048 });
  if (accepts(audience) || named?.some(accepts) === true) return undefined;
  return faultOf(
    'audience',
    typeof accepted === 'function'
      ? 'It is meant for another audience.'
      : `Its aud must be ${accepted.join(' or ')}${forms[audienceArray ?? 'none']}.`,
  );
}

const forms = { none: ', as a string', one: ' and nothing beside it', several: ', or an array that holds it' } as const;
