import {
  type BrokerVenue,
  type LeasedRole,
  parsePrincipalId,
  type SecretKind,
  secretsErrors,
  type VenueAlgorithm,
  type VenueKey,
} from '@countersign/contracts';
import type { Digest, RecordId } from '@countersign/kernel';
import { parseLei } from '@countersign/market';

/** What two people approve. */
export type Proposable = {
  readonly name: string;
  readonly holders: readonly string[];
} & (
  | { readonly kind: 'role'; readonly change: 'define'; readonly role: LeasedRole }
  | { readonly kind: 'secret'; readonly change: 'define'; readonly material: string }
  | {
      readonly kind: 'venue-key';
      readonly change: 'define';
      readonly venueKey: VenueKey;
      readonly material: string;
      readonly publicKey?: string;
    }
  | { readonly kind: SecretKind; readonly change: 'remove' }
);

/** A definition in force. */
export interface Definition {
  readonly kind: SecretKind;
  readonly name: string;
  /** Starts at 1; each approved change increases it. */
  readonly version: number;
  readonly holders: readonly string[];
  /** Record of the approval. */
  readonly record: RecordId;
  readonly digest: Digest;
  readonly role?: LeasedRole;
  readonly venueKey?: VenueKey;
  readonly material?: string;
  readonly publicKey?: string;
  /** Every value of a secret, oldest first; none is overwritten. */
  readonly values: readonly { readonly version: number; readonly material: string }[];
}

const { error } = secretsErrors;
const refuse = (detail: string) => error('secret_definition_invalid', detail);

const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
const databaseRolePattern = /^[a-z_][a-z0-9_]{0,62}$/;
/** Names that PostgreSQL reserves: their rights reach beyond one database. */
const reservedRole = /^(?:pg_|postgres$|cs_)/;
/** Longest lifetime of a lease. */
export const longestLeaseSeconds = 86_400;

interface VenueRules {
  /** Whether the venue reports the permissions of a key. */
  readonly probes: boolean;
  readonly algorithms: readonly VenueAlgorithm[];
  /** Base URLs; the second is the venue's test environment. */
  readonly baseUrls: readonly string[];
}

/** What each venue accepts. Part of the release: a definition cannot name another address. */
export const venueRules: Readonly<Record<BrokerVenue, VenueRules>> = {
  binance: {
    probes: true,
    algorithms: ['hmac', 'ed25519'],
    baseUrls: ['https://api.binance.com', 'https://testnet.binance.vision'],
  },
  coinbase: { probes: true, algorithms: ['es256', 'ed25519'], baseUrls: ['https://api.coinbase.com'] },
  deribit: { probes: true, algorithms: ['hmac'], baseUrls: ['https://www.deribit.com', 'https://test.deribit.com'] },
  kraken: { probes: false, algorithms: ['hmac'], baseUrls: ['https://api.kraken.com'] },
};

/**
 * @param context.databases names of the configured databases
 * @throws CodedError `secret_definition_invalid`
 */
export function checkDefinition(
  proposable: Proposable,
  {
    databases,
    environment,
  }: { readonly databases: ReadonlySet<string>; readonly environment: 'development' | 'production' },
): void {
  const { name, holders } = proposable;
  if (!namePattern.test(name))
    throw refuse('A name may have lower-case letters, digits and hyphens, at most 64 characters.');
  if (proposable.change === 'remove') return;
  if (holders.length === 0 || holders.length > 1_000 || new Set(holders).size < holders.length)
    throw refuse('Name 1 to 1,000 holders, each once.');
  const wrong = holders.find((holder) => parsePrincipalId(holder) === undefined || holder.startsWith('device:'));
  if (wrong !== undefined) throw refuse('A holder must be the id of a person, a service or an agent.');
  if (proposable.kind === 'role') checkRole(proposable.role, databases);
  if (proposable.kind === 'venue-key') checkVenueKey(proposable.venueKey, environment);
}

function checkRole(role: LeasedRole, databases: ReadonlySet<string>): void {
  const { database, memberOf, ttlSeconds, maxTtlSeconds, connections } = role;
  if (!databases.has(database)) throw refuse(`No database is configured under the name ${database}.`);
  if (memberOf.length === 0 || memberOf.length > 16 || new Set(memberOf).size < memberOf.length)
    throw refuse('Name 1 to 16 database roles, each once.');
  if (memberOf.some((each) => !databaseRolePattern.test(each) || reservedRole.test(each)))
    throw refuse(
      'A database role may have lower-case letters, digits and underscores, and must not be one of PostgreSQL itself.',
    );
  if (ttlSeconds < 60) throw refuse('The lifetime of a lease must be at least 60 seconds.');
  if (maxTtlSeconds < ttlSeconds || maxTtlSeconds > longestLeaseSeconds)
    throw refuse(`The longest lifetime must not be below the lifetime, nor above ${longestLeaseSeconds} seconds.`);
  if (connections < 1 || connections > 100) throw refuse('A credential may have 1 to 100 connections.');
}

function checkVenueKey(key: VenueKey, environment: 'development' | 'production'): void {
  const rules = venueRules[key.venue];
  if (!rules.algorithms.includes(key.algorithm))
    throw refuse(`Keys of ${key.venue} must be ${rules.algorithms.join(' or ')}.`);
  if (!rules.baseUrls.includes(key.baseUrl) && !(environment === 'development' && isLoopback(key.baseUrl)))
    throw refuse(`The address of ${key.venue} must be ${rules.baseUrls.join(' or ')}.`);
  if (!parseLei(key.institution).ok) throw refuse('The institution must be an LEI.');
  if (!/^[0-9A-Z]{4}$/.test(key.venueMic)) throw refuse('The venue must be a MIC.');
  if (!/^[!-~]{0,200}$/.test(key.apiKey) || /["\\]/.test(key.apiKey))
    throw refuse('The API key must be visible ASCII, at most 200 characters.');
  if (key.accounts.length === 0 || key.accounts.length > 100) throw refuse('Name 1 to 100 accounts.');
  if (key.symbols.length === 0 || key.symbols.length > 2_000) throw refuse('Name 1 to 2,000 symbols.');
  const pairs = new Set(key.symbols.map(({ instrument, currency }) => `${instrument} ${currency}`));
  if (pairs.size < key.symbols.length) throw refuse('An instrument and currency may have only one symbol.');
  if (key.symbols.some(({ symbol }) => !/^[A-Za-z0-9][A-Za-z0-9_./-]{0,40}$/.test(symbol)))
    throw refuse('A symbol may have letters and digits, with . _ / - between them.');
  if (key.probe === 'required' && !rules.probes)
    throw refuse(
      `${key.venue} does not report the permissions of a key. Waive the probe, and check the permissions of the key there.`,
    );
  if (key.probe === 'waived' && rules.probes && environment === 'production')
    throw refuse('In production, the permissions of a key must be read from the venue before it is used.');
}

function isLoopback(url: string): boolean {
  return /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}$/.test(url);
}
