import { CodedError } from '@countersign/kernel';
import { maxAccessTokenLifetimeSeconds } from '@countersign/oauth';

export interface AuthorizationServerConfig {
  /** Issuer identifier (RFC 8414 section 2): https, no query, no fragment, no slash at the end. */
  readonly issuer: string;
  /** Life of an access token in seconds, where nothing else ends it sooner; 1 to 300, and 300 when left out. */
  readonly accessTokenLifetimeSeconds?: number;
}

const known = ['issuer', 'accessTokenLifetimeSeconds'];

/**
 * Checks the configuration, reports every problem at once, and freezes it.
 *
 * @throws CodedError `configuration_invalid`
 */
export function parseAuthorizationServerConfig(input: unknown): Required<AuthorizationServerConfig> {
  const members: Partial<Record<string, unknown>> = typeof input === 'object' && input !== null ? { ...input } : {};
  const { issuer, accessTokenLifetimeSeconds: lifetime = maxAccessTokenLifetimeSeconds } = members;
  const problems = Object.keys(members)
    .filter((name) => !known.includes(name))
    .map((name) => `/${name}: is not a setting`);
  if (!isIssuer(issuer))
    problems.push(
      '/issuer: must be an https URL without query, fragment and final slash (http only for a loopback address)',
    );
  if (!isLifetime(lifetime))
    problems.push(`/accessTokenLifetimeSeconds: must be a whole number from 1 to ${maxAccessTokenLifetimeSeconds}`);
  if (problems.length > 0 || !isIssuer(issuer) || !isLifetime(lifetime))
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: `The configuration has ${problems.length} problem(s): ${problems.join('; ')}`,
    });
  return Object.freeze({ issuer, accessTokenLifetimeSeconds: lifetime });
}

function isIssuer(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 512 || value.endsWith('/') || !URL.canParse(value)) return false;
  const url = new URL(value);
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  // Compared as text by every verifier, so it must be in the one form that a URL parser writes.
  const canonical = url.pathname === '/' ? url.origin : url.origin + url.pathname;
  return (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) && value === canonical;
}

function isLifetime(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= maxAccessTokenLifetimeSeconds;
}
