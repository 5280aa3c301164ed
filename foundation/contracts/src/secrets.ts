import { type Digest, errorVocabulary, type RecordId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';

/** Kinds of definitions under change control: database roles to lease, static secrets, and keys of trading venues. */
export const secretKinds = ['role', 'secret', 'venue-key'] as const;
export type SecretKind = (typeof secretKinds)[number];

/** Venues whose requests the key broker can sign. */
export const brokerVenues = ['binance', 'coinbase', 'deribit', 'kraken'] as const;
export type BrokerVenue = (typeof brokerVenues)[number];

/** How a venue verifies requests. `hmac` keys are made by the venue; for the others we make the key, and the venue has the public key. */
export const venueAlgorithms = ['hmac', 'ed25519', 'es256'] as const;
export type VenueAlgorithm = (typeof venueAlgorithms)[number];

/** A role in a database, whose credentials are made for each lease. */
export interface LeasedRole {
  /** Name of a configured database. */
  readonly database: string;
  /** Database roles whose rights the credential has. */
  readonly memberOf: readonly string[];
  readonly ttlSeconds: number;
  /** Renewals never extend a lease beyond this. */
  readonly maxTtlSeconds: number;
  /** Most connections of one credential. */
  readonly connections: number;
  /** `token`: the lease ends with the token that asked, at the latest. `holder`: it ends with its time. A revocation ends both. */
  readonly endsWith: 'token' | 'holder';
}

/** A key of an account at a trading venue. */
export interface VenueKey {
  readonly venue: BrokerVenue;
  /** MIC that intents name. */
  readonly venueMic: string;
  /** Base URL of the venue's interface; one of the release's list, or a loopback address in development. */
  readonly baseUrl: string;
  readonly algorithm: VenueAlgorithm;
  /** The identifier under which the venue knows the key; not secret by itself. Absent until the venue has given one. */
  readonly apiKey: string;
  /** LEI of the institution whose account it is. */
  readonly institution: string;
  /** Accounts of intents that may trade with it. */
  readonly accounts: readonly string[];
  /** Venue symbols by instrument (ISIN, UPI or DTI) and currency of the intent. */
  readonly symbols: readonly { readonly instrument: string; readonly currency: string; readonly symbol: string }[];
  /** Whether the rights of the key are read from the venue before it is accepted. */
  readonly probe: 'required' | 'waived';
}

/** A proposal that waits for its second person. */
export interface SecretProposal {
  readonly id: RecordId;
  readonly kind: SecretKind;
  readonly name: string;
  readonly change: 'define' | 'remove';
  readonly status: 'proposed' | 'approved' | 'rejected' | 'expired';
  readonly proposedBy: Actor;
  /** RFC 3339. */
  readonly proposedAt: string;
  readonly expiresAt: string;
  readonly reason: string;
  /** What an approver names. */
  readonly digest: Digest;
  /** Principals that may use it; empty for a removal. */
  readonly holders: readonly string[];
  readonly role?: LeasedRole;
  readonly venueKey?: VenueKey;
  /** PEM of the public key that we made for a venue. */
  readonly publicKey?: string;
  /** SHA-256 of the encrypted value, base64url. */
  readonly material?: string;
  readonly decidedBy?: Actor;
  readonly decidedAt?: string;
}

export const leaseStatuses = ['active', 'ending', 'ended', 'irrevocable'] as const;
/** `ending`: the credential is being removed from the database. `irrevocable`: that has failed often; an operator must act. */
export type LeaseStatus = (typeof leaseStatuses)[number];

export const leaseEndings = ['expired', 'released', 'revoked', 'authority-ended', 'departed', 'role-removed'] as const;
export type LeaseEnding = (typeof leaseEndings)[number];

/** A credential for one principal and one role. There is at most one that is active. */
export interface Lease {
  readonly id: string;
  readonly status: LeaseStatus;
  readonly role: string;
  readonly database: string;
  readonly username: string;
  readonly holder: string;
  /** LEI. */
  readonly institution: string;
  readonly client: string;
  /** RFC 3339. */
  readonly issuedAt: string;
  readonly expiresAt: string;
  /** Renewals never extend it beyond this. */
  readonly maxExpiresAt: string;
  readonly ending?: LeaseEnding;
  readonly recordId: RecordId;
}

export const secretsErrors = errorVocabulary({
  /** The definition is not possible. */
  secret_definition_invalid: 'invalid',
  /** There is nothing of this name, or the caller may not use it. */
  secret_unknown: 'not-found',
  /** The policies denied it; the detail gives their reason. */
  secret_not_permitted: 'forbidden',
  /** Roles, secrets and venue keys are governed by the operator. */
  secret_operator_only: 'forbidden',
  /** The stored value differs from its record, or was destroyed. */
  secret_unavailable: 'unavailable',
  lease_unknown: 'not-found',
  /** The lease has ended. */
  lease_over: 'conflict',
  /** The holder has as many leases as permitted, or the role has. */
  lease_quota_exceeded: 'conflict',
  /** The previous credential of this holder and role could not be removed yet. */
  lease_predecessor_stands: 'unavailable',
  /** The database does not answer, or refuses the credential. */
  lease_target_unavailable: 'unavailable',
  secret_proposal_unknown: 'not-found',
  secret_proposal_settled: 'conflict',
  /** The approver named another digest. */
  secret_proposal_outdated: 'conflict',
  secret_own_proposal: 'forbidden',
  secret_approver_dependent: 'forbidden',
  secret_proposer_gone: 'conflict',
  /** The order cannot be expressed at this venue. */
  venue_order_invalid: 'invalid',
  /** The order is not the intent of the token and the transaction. */
  venue_order_mismatch: 'forbidden',
  /** The transaction is not in a state in which its order may be sent. */
  venue_order_not_submitted: 'conflict',
  /** The order of this transaction was signed before. */
  venue_order_signed: 'conflict',
  /** The request is not on the venue's list: withdrawals, transfers, keys and sub-accounts never are. */
  venue_request_refused: 'forbidden',
  /** The venue says that the key can do more than trade. */
  venue_key_too_powerful: 'forbidden',
  /** The venue does not answer. */
  venue_unavailable: 'unavailable',
});

/** The order of a transaction at a venue, as a thing in the log: it stands from its signature on. */
export const venueOrderThing = (transaction: string): string => `venue-order:${transaction}`;
