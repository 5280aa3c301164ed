import { CodedError } from '@countersign/kernel';
import { type Lei, parseLei } from '@countersign/market';
import { maxAccessTokenLifetimeSeconds } from '@countersign/oauth';
import type { ChainedIssuer, TrustDomain } from './grants/index.ts';

export interface AuthorizationServerConfig {
  /** Issuer identifier (RFC 8414 section 2): https, no query, no fragment, no slash at the end. */
  readonly issuer: string;
  /** In `production`, clients that are registered for a sandbox receive no tokens. Default `production`. */
  readonly environment?: 'development' | 'production';
  /** Base URL of the listener that requests client certificates, in the same form as the issuer. If undefined, there is none. */
  readonly mtlsBaseUrl?: string;
  /** Region in which this installation stores and resolves opaque tokens whose interface names no region. Default `default`. */
  readonly region?: string;
  /** Lifetime of an access token in seconds, unless something else ends it earlier; 1 to 300, default 300. */
  readonly accessTokenLifetimeSeconds?: number;
  /** Lifetime of a refresh token in days, unless its consent ends earlier; 1 to 365, default 90. */
  readonly refreshTokenLifetimeDays?: number;
  /**
   * Server nonces in DPoP proofs (RFC 9449 section 8). `offered`: issued, and checked if a proof contains one; `required`: a
   * proof without a nonce is answered with `use_dpop_nonce`. Default `off`.
   */
  readonly dpopNonce?: 'off' | 'offered' | 'required';
  /** Days after which a registered client key is rejected; 1 to 3,650, default 365. */
  readonly clientKeyMaxAgeDays?: number;
  /** Days before that limit at which warnings about the key's age begin; 0 to 365, default 30. */
  readonly clientKeyWarnDays?: number;
  /** Failed authentications allowed per claimed client and source address within a minute; 1 to 10,000, default 60. */
  readonly failedAuthenticationsPerMinute?: number;
  /** Whether dynamic registration is mounted beside this server, so that the metadata includes its endpoint. Default `off`. */
  readonly registration?: 'off' | 'mounted';
  /** Revision of Grant Management for OAuth that is enabled. Default `off`. */
  readonly grantManagement?: 'off' | 'draft-03';
  /** Revision of transaction tokens that is enabled. Default `off`. */
  readonly transactionTokens?: 'off' | 'draft-10';
  /** Trust domains for transaction tokens, and whose workloads may request them. Default none. */
  readonly trustDomains?: readonly { readonly name: string; readonly institutions: readonly string[] }[];
  /** Revision of identity chaining that is enabled. Default `off`. */
  readonly identityChaining?: 'off' | 'draft-17';
  /** Authorization servers to which identity-chaining grants are issued, and for which institutions. Default none. */
  readonly chainedIssuers?: readonly { readonly issuer: string; readonly institutions: readonly string[] }[];
}

/** With defaults filled in. */
export type CheckedConfig = Readonly<
  Required<Omit<AuthorizationServerConfig, 'mtlsBaseUrl' | 'trustDomains' | 'chainedIssuers'>> &
    Pick<AuthorizationServerConfig, 'mtlsBaseUrl'> & {
      readonly trustDomains: readonly TrustDomain[];
      readonly chainedIssuers: readonly ChainedIssuer[];
    }
>;

interface Setting<Value> {
  readonly must: string;
  /** Returns undefined for an invalid value. */
  read(value: unknown): Value | undefined;
}

const baseUrl: Setting<string> = {
  must: 'must be an https URL without query, fragment and final slash (http only for a loopback address)',
  read: (value) => (isBaseUrl(value) ? value : undefined),
};

/**
 * Checks the configuration, reports every problem at once, and freezes it.
 *
 * @throws CodedError `configuration_invalid`
 */
export function parseAuthorizationServerConfig(input: unknown): CheckedConfig {
  const members = new Map(Object.entries(typeof input === 'object' && input !== null ? input : {}));
  const problems: string[] = [];

  /** Removes a setting from the input. Reports an invalid one. */
  function take<Value>(name: keyof AuthorizationServerConfig, setting: Setting<Value>, fallback: Value): Value {
    const given = members.get(name);
    const absent = given === undefined;
    members.delete(name);
    const value = absent ? fallback : setting.read(given);
    if (value === undefined && !absent) problems.push(`/${name}: ${setting.must}`);
    return value ?? fallback;
  }

  if (members.get('issuer') === undefined) members.set('issuer', null);
  const issuer = take('issuer', baseUrl, '');
  const mtlsBaseUrl = take<string | undefined>('mtlsBaseUrl', baseUrl, undefined);
  const config: CheckedConfig = {
    issuer,
    ...(mtlsBaseUrl === undefined ? {} : { mtlsBaseUrl }),
    environment: take('environment', oneOf('development', 'production'), 'production'),
    region: take('region', region, 'default'),
    accessTokenLifetimeSeconds: take(
      'accessTokenLifetimeSeconds',
      wholeNumber(1, maxAccessTokenLifetimeSeconds),
      maxAccessTokenLifetimeSeconds,
    ),
    refreshTokenLifetimeDays: take('refreshTokenLifetimeDays', wholeNumber(1, 365), 90),
    dpopNonce: take('dpopNonce', oneOf('off', 'offered', 'required'), 'off'),
    clientKeyMaxAgeDays: take('clientKeyMaxAgeDays', wholeNumber(1, 3_650), 365),
    clientKeyWarnDays: take('clientKeyWarnDays', wholeNumber(0, 365), 30),
    failedAuthenticationsPerMinute: take('failedAuthenticationsPerMinute', wholeNumber(1, 10_000), 60),
    registration: take('registration', oneOf('off', 'mounted'), 'off'),
    grantManagement: take('grantManagement', oneOf('off', 'draft-03'), 'off'),
    transactionTokens: take('transactionTokens', oneOf('off', 'draft-10'), 'off'),
    trustDomains: take('trustDomains', trustDomains, []),
    identityChaining: take('identityChaining', oneOf('off', 'draft-17'), 'off'),
    chainedIssuers: take('chainedIssuers', chainedIssuers, []),
  };
  // A grant that this server signed itself could only widen authority.
  if (config.chainedIssuers.some((chained) => chained.issuer === issuer))
    problems.push('/chainedIssuers: must not hold our own issuer');
  problems.unshift(...[...members.keys()].map((name) => `/${name}: is not a setting`));
  if (problems.length > 0)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: `The configuration has ${problems.length} problem(s): ${problems.join('; ')}`,
    });
  return Object.freeze(config);
}

const region: Setting<string> = {
  must: 'must be 1 to 64 lower-case letters, digits and hyphens',
  read: (value) => (typeof value === 'string' && /^[a-z0-9-]{1,64}$/.test(value) ? value : undefined),
};

const trustDomains: Setting<readonly TrustDomain[]> = {
  must: 'must be a list of at most 16 trust domains, each with a name of its own of 1 to 256 printable characters and 1 to 64 institutions by LEI',
  read: (value) =>
    readParties(value, {
      by: 'name',
      accepts: (name) => /^[\x21-\x7e]{1,256}$/.test(name),
      party: (name, institutions) => ({ name, institutions }),
    }),
};

const chainedIssuers: Setting<readonly ChainedIssuer[]> = {
  must: 'must be a list of at most 16 servers, each with an issuer of its own (an https URL without query and fragment) and 1 to 64 institutions by LEI',
  // Other servers choose the form of their issuer, so a slash at the end is allowed.
  read: (value) =>
    readParties(value, {
      by: 'issuer',
      accepts: (issuer) => isBaseUrl(issuer.replace(/\/$/, '')),
      party: (issuer, institutions) => ({ issuer, institutions }),
    }),
};

function wholeNumber(from: number, to: number): Setting<number> {
  return {
    must: `must be a whole number from ${from} to ${to}`,
    read: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to ? value : undefined,
  };
}

function oneOf<const Value extends string>(...values: readonly Value[]): Setting<Value> {
  return { must: `must be one of ${values.join(', ')}`, read: (value) => values.find((known) => known === value) };
}

function isBaseUrl(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 512 || value.endsWith('/') || !URL.canParse(value)) return false;
  const url = new URL(value);
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  // Verifiers compare the issuer as text, so it must be in normal form.
  const canonical = url.pathname === '/' ? url.origin : url.origin + url.pathname;
  return (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) && value === canonical;
}

const maxParties = 16;
const maxInstitutions = 64;

/** Named recipients with the institutions that may use them, frozen. @param how.by member that holds the name */
export function readParties<Party>(
  value: unknown,
  how: {
    readonly by: string;
    readonly accepts: (name: string) => boolean;
    readonly party: (name: string, institutions: readonly Lei[]) => Party;
  },
): readonly Party[] | undefined {
  if (!Array.isArray(value) || value.length > maxParties) return undefined;
  const parties = new Map<string, Party>();
  const items: readonly unknown[] = value;
  for (const item of items) {
    const members = new Map<string, unknown>(Object.entries(typeof item === 'object' && item !== null ? item : {}));
    const name = members.get(how.by);
    const institutions = readInstitutions(members.get('institutions'));
    if (members.size !== 2 || typeof name !== 'string' || !how.accepts(name) || parties.has(name)) return undefined;
    if (institutions === undefined) return undefined;
    parties.set(name, Object.freeze(how.party(name, institutions)));
  }
  return Object.freeze([...parties.values()]);
}

function readInstitutions(value: unknown): readonly Lei[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxInstitutions) return undefined;
  const institutions: Lei[] = [];
  const items: readonly unknown[] = value;
  for (const item of items) {
    const lei = parseLei(item);
    if (!lei.ok) return undefined;
    institutions.push(lei.value);
  }
  return Object.freeze(institutions);
}
