import { type Digest, errorVocabulary, type GrantId, type RecordId, type SessionId } from '@countersign/kernel';
import type { ApplicationDetail, AuthorizationDetail, Lei, Scope } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { ClientId, PrincipalId } from './principals.ts';

/** The scopes defined by OpenID Connect and OAuth. They give no access to market interfaces. */
export const protocolScopes = [
  'openid',
  'offline_access',
  'profile',
  'email',
  'grant_management_query',
  'grant_management_revoke',
] as const;
export type ProtocolScope = (typeof protocolScopes)[number];

/** What a person allows a client to do in their name. */
export interface GrantTerms {
  readonly scopes: readonly (Scope | ProtocolScope)[];
  /** The exact intents that were shown and allowed. */
  readonly details: readonly AuthorizationDetail[];
  /** Authorization details of applications, which are not intents; absent when there are none. */
  readonly applicationDetails?: readonly ApplicationDetail[];
  /** The interfaces at which it may be used (RFC 8707). */
  readonly resources: readonly string[];
}

/**
 * A durable consent. Versions are never overwritten, and every code, refresh token and access token issued under it refers to it.
 */
export interface Grant extends GrantTerms {
  readonly id: GrantId;
  readonly version: number;
  readonly status: 'active' | 'revoked';
  readonly client: ClientId;
  readonly subject: PrincipalId;
  /** The institution for which the person acts. */
  readonly institution: Lei;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Digests of the intents in the challenge of the assertion at the consent. `acr` and `authTime` are then of that assertion. */
  readonly boundTo?: readonly Digest[];
  /** The session of the consent; absent when the person decided on another device without one. */
  readonly session?: SessionId;
  /** RFC 3339. */
  readonly givenAt: string;
  /** RFC 3339; nothing is issued under it afterwards. */
  readonly expiresAt: string;
  /** The record of the consent that created this version. */
  readonly recordId: RecordId;
  /**
   * Digest of the decision that created this version; a repeated decision has the same. Absent in versions of earlier releases.
   */
  readonly decision?: Digest;
}

export type GrantProposal = Omit<Grant, 'id' | 'version' | 'status' | 'givenAt' | 'recordId' | 'decision'>;

/** The request that a person decides about. Repeating the same decision about it has no further effect. */
export interface DecidedRequest {
  /** Unique id of the request, known only to the authorization server. */
  readonly id: string;
  /** Milliseconds since the epoch; the same in every repetition. */
  readonly askedAt: number;
}

export const grantErrors = errorVocabulary({
  grant_not_found: 'not-found',
  grant_revoked: 'conflict',
  /** It has expired; a change does not revive it. */
  grant_expired: 'conflict',
  /** It belongs to another client, person or institution than the requester's. */
  grant_foreign: 'forbidden',
  /** The change is for another interface or has details of an application, and needs a separate consent. */
  grant_not_mergeable: 'conflict',
});

/** Selects the consents that are ended together. */
export type GrantsOf = { readonly client: string } | { readonly subject: string } | { readonly institution: string };

/**
 * The thing whose recorded end (see `ended`) ends every earlier consent of this client, person or institution, even if the
 * consent's row is not found. The caller of {@link GrantRegister.revokeAll} must have recorded it.
 */
export function grantsThing(of: GrantsOf): string {
  const [[name, id] = []] = Object.entries(of);
  return `grants:${name}:${id}`;
}

/** Consents of people to clients, stored in the consent store. */
export interface GrantRegister {
  /**
   * Records `consent.given` (client, subject, scopes, intents, their digests), then stores the grant. Each request has one grant.
   * Repeating the decision returns that grant, also after a crash before it was stored. Another decision of the same person
   * replaces its terms (`grant.changed`).
   *
   * @throws CodedError `grant_revoked` when the grant of this request has ended since
   */
  give(proposal: GrantProposal, request: DecidedRequest): Promise<Grant>;
  /** Records `consent.denied`, once for each request; stores nothing. @returns the record */
  deny(refused: Omit<GrantProposal, 'expiresAt'>, request: DecidedRequest): Promise<RecordId>;
  /**
   * Creates a version with other terms for the same client and subject (Grant Management for OAuth, `merge` and `replace`).
   * Sign-in and expiry are those of the proposal. Merged terms end at the earlier expiry, so that nothing lasts longer than the
   * person was shown. Records `grant.changed` first; the caller records a refusal. Repeating the same decision about the same
   * request changes nothing.
   *
   * @throws CodedError of {@link grantErrors}
   */
  change(id: GrantId, how: 'merge' | 'replace', proposal: GrantProposal, request: DecidedRequest): Promise<Grant>;
  /**
   * The newest version, read from the database; includes the last change on any node. Callers must compare `expiresAt` with their
   * clock: an expired grant keeps the status `active`.
   */
  find(id: GrantId): Promise<Grant | undefined>;
  /**
   * Ends the grant and everything issued under it. Records `grant.revoked` first; idempotent.
   *
   * @param reason stays in the evidence permanently: short, and without names of people
   * @throws CodedError `grant_not_found`
   */
  revoke(id: GrantId, by: Actor, reason: string): Promise<Grant>;
  /**
   * Ends every active grant of a client, person or institution that has not long expired. After a failure, repeating the call
   * continues.
   *
   * @returns how many this call ended, each recorded
   */
  revokeAll(of: GrantsOf, by: Actor, reason: string): Promise<number>;
  /** Newest versions, at most 1,000, oldest first. */
  list(of: {
    readonly client?: string;
    readonly subject?: string;
    readonly institution?: string;
    readonly status?: Grant['status'];
    /** Milliseconds since the epoch: only grants that end after it. */
    readonly endingAfter?: number;
    readonly after?: GrantId;
    readonly limit?: number;
  }): Promise<readonly Grant[]>;
}
