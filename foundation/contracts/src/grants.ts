import { type Digest, errorVocabulary, type GrantId, type RecordId, type SessionId } from '@countersign/kernel';
import type { ApplicationDetail, AuthorizationDetail, Lei, Scope } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { ClientId, PrincipalId } from './principals.ts';

/** The scopes that OpenID Connect and OAuth themselves define; they open no market interface. */
export const protocolScopes = [
  'openid',
  'offline_access',
  'profile',
  'email',
  'grant_management_query',
  'grant_management_revoke',
] as const;
export type ProtocolScope = (typeof protocolScopes)[number];

/** What a person has allowed a client to do in their name. */
export interface GrantTerms {
  readonly scopes: readonly (Scope | ProtocolScope)[];
  /** The exact intents that were shown and allowed. */
  readonly details: readonly AuthorizationDetail[];
  /** Those of applications, which are no intents; absent where there are none. */
  readonly applicationDetails?: readonly ApplicationDetail[];
  /** The interfaces it may be used at (RFC 8707). */
  readonly resources: readonly string[];
}

/**
 * A durable consent: versions are never overwritten, and what leaves the authorization server under it (code,
 * refresh token, access token) points back to it.
 */
export interface Grant extends GrantTerms {
  readonly id: GrantId;
  readonly version: number;
  readonly status: 'active' | 'revoked';
  readonly client: ClientId;
  readonly subject: PrincipalId;
  /** The institution the person acts for. */
  readonly institution: Lei;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Digests of the intents that an assertion was made for when it was given: `acr` and `authTime` are that one's. */
  readonly boundTo?: readonly Digest[];
  /** The sign-in under which it was given; absent where the person decided on another device without one. */
  readonly session?: SessionId;
  /** RFC 3339. */
  readonly givenAt: string;
  /** RFC 3339; nothing is issued under it from then on. */
  readonly expiresAt: string;
  /** The record of the consent that made this version. */
  readonly recordId: RecordId;
  /** Of the decision that made this version: its repetition has the same. Absent in versions of earlier releases. */
  readonly decision?: Digest;
}

export type GrantProposal = Omit<Grant, 'id' | 'version' | 'status' | 'givenAt' | 'recordId' | 'decision'>;

/** The request that a person decides about. To decide about it again, in the same way, is the same decision. */
export interface DecidedRequest {
  /** Its name among all requests: one that nobody but the authorization server knows. */
  readonly id: string;
  /** Milliseconds since the epoch; the same at every repetition. */
  readonly askedAt: number;
}

export const grantErrors = errorVocabulary({
  grant_not_found: 'not-found',
  grant_revoked: 'conflict',
  /** Its time is over: what was allowed until then is not brought back by a change. */
  grant_expired: 'conflict',
  /** Of another client, person or institution than the one that would change it. */
  grant_foreign: 'forbidden',
  /** For another interface, or with details of an application: a consent of its own. */
  grant_not_mergeable: 'conflict',
});

/** Whose consents are ended together. */
export type GrantsOf = { readonly client: string } | { readonly subject: string } | { readonly institution: string };

/**
 * A record that ends this ends every consent of theirs that was given before it, whether or not its row is found: see
 * `ended`. Whoever calls {@link GrantRegister.revokeAll} has recorded it.
 */
export function grantsThing(of: GrantsOf): string {
  const [[name, id] = []] = Object.entries(of);
  return `grants:${name}:${id}`;
}

/** Consents that people give to clients, kept in the consent store. */
export interface GrantRegister {
  /**
   * Records `consent.given` (client, subject, scopes, intents, their digests) and then keeps the grant. A request has one grant: the same
   * decision about it is answered with that grant, also where a process died before it was kept; another decision of the same person
   * replaces what it allows (`grant.changed`).
   *
   * @throws CodedError `grant_revoked` where the grant of this request has ended since
   */
  give(proposal: GrantProposal, request: DecidedRequest): Promise<Grant>;
  /** Records `consent.denied`, once for a request; nothing is kept. @returns the record */
  deny(refused: Omit<GrantProposal, 'expiresAt'>, request: DecidedRequest): Promise<RecordId>;
  /**
   * A new version with other terms, same client and subject (Grant Management for OAuth, `merge` and `replace`).
   * The sign-in is the proposal's, and so is the expiry; merged terms end at the earlier of both, because nothing may
   * last longer than it did when the person was shown it. Records `grant.changed` first; a refusal is its caller's to
   * record. The same decision about the same request changes nothing more.
   *
   * @throws CodedError of {@link grantErrors}
   */
  change(id: GrantId, how: 'merge' | 'replace', proposal: GrantProposal, request: DecidedRequest): Promise<Grant>;
  /**
   * The newest version, from the database: never older than the last change on any node. Callers compare `expiresAt`
   * with their clock: time alone changes no version, so a grant that has ended stays `active`.
   */
  find(id: GrantId): Promise<Grant | undefined>;
  /**
   * Ends it, and with it everything issued under it. Records `grant.revoked` first, once however often it is asked for.
   *
   * @param reason stays in the evidence for good: short, and without names of people
   * @throws CodedError `grant_not_found`
   */
  revoke(id: GrantId, by: Actor, reason: string): Promise<Grant>;
  /**
   * Ends every grant of a client, a person or an institution that is active and has not long expired. When it fails
   * midway, what was ended stays ended, and asking again goes on from there.
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
    /** Milliseconds since the epoch: only those that end after it. */
    readonly endingAfter?: number;
    readonly after?: GrantId;
    readonly limit?: number;
  }): Promise<readonly Grant[]>;
}
