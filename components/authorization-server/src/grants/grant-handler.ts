import type { Grant, GrantType, ProtocolScope, RecordDraft } from '@countersign/contracts';
import type { Digest, IntentDigest, Json, RecordId, TokenId, TransactionId } from '@countersign/kernel';
import type { ApplicationDetail, AuthorizationDetail, Lei, Scope } from '@countersign/market';
import type { AccessTokenClaims, Confirmation } from '@countersign/oauth';
import type { ClientContext } from '../client-endpoint/index.ts';
import type { RequestedToken } from '../token-endpoint/requested-token.ts';
import type { UsedUp, WayToToken } from './grant-use.ts';

/**
 * One way to obtain a token. A grant says whose authority is asked for and what bounds it; everything that every
 * grant must do (client authentication, proof, replay claims, binding, scopes, mandate, policy, record) is the
 * endpoint's, so that a new grant cannot forget it, and is one file.
 */
export interface GrantHandler<Type extends GrantType = GrantType> {
  readonly grantType: Type;
  /** Takes its parameters from the form. @throws CodedError of `oauthErrors` when one is missing or not supported */
  parse(parameters: ReadonlyMap<string, string>): GrantRequest<Type>;
}

export interface GrantRequest<Type extends GrantType = GrantType> {
  /**
   * Establishes the authority, after the client has been authenticated.
   *
   * @param confirmation what the token will be bound to; undefined where this client's tokens are not bound
   * @throws CodedError
   */
  resolve(by: ClientContext, confirmation: Confirmation | undefined): Promise<Authority<Type>>;
}

/** Whose authority a token carries, who acts with it, and what it may not go beyond. */
export interface Authority<Way extends WayToToken = WayToToken> {
  /** Principal id. */
  readonly subject: string;
  /** The institution the subject acts for. */
  readonly institution: Lei;
  /** Principal ids, current actor first; empty when the subject acts itself. */
  readonly actors: readonly string[];
  readonly ceiling: Ceiling;
  /** How the subject was recognised, as it goes into the record, and `acr` and `authTime` into the token. */
  readonly authentication: NonNullable<RecordDraft['authentication']>;
  /**
   * Where our own sign-in is the source: digests of the intents that it was made for, none where it was made for nothing in
   * particular.
   */
  readonly boundTo?: readonly Digest[];
  /** The managed device that the subject signed in on. */
  readonly device?: string;
  /** Who vouches for the subject, where another institution's or its own identity provider does. */
  readonly partner?: { readonly institution: string; readonly claims: readonly string[] };
  /** What is used up, whatever becomes of the token: as {@link grantUses} declares it. */
  readonly usedUp: UsedUp<Way>;
  /** Records that the authority rests on. */
  readonly references: readonly RecordId[];
  /** Further facts for the record. */
  readonly provenance?: Json;
  /** The token that is exchanged. */
  readonly continues?: Continuation;
  /** What is asked for in place of an access token, for another target than an interface of ours. */
  readonly requested?: RequestedToken;
  /** The consent it rests on; the token ends with it. */
  readonly grant?: Grant;
  /** Makes what is released beside the access token. Called once, before the record, which names each by its hash. */
  companions?(issued: IssuedAccessToken): Promise<Companions>;
}

export interface IssuedAccessToken {
  readonly claims: AccessTokenClaims;
  readonly accessToken: string;
  /** The scopes of the protocol itself that are granted with this request. */
  readonly protocolScopes: ReadonlySet<ProtocolScope>;
}

export interface Companions {
  readonly refresh_token?: string;
  readonly id_token?: string;
  /** Grant Management for OAuth. */
  readonly grant_id?: string;
}

/** Bounds beside those of client, target, mandate and policy. */
export interface Ceiling {
  readonly scope?: ReadonlySet<Scope>;
  /** The scopes of the protocol itself that a person has consented to; there are none to be had without. */
  readonly protocolScopes?: ReadonlySet<ProtocolScope>;
  /** The intents of the token that is exchanged: a request that names none keeps them. */
  readonly details?: readonly AuthorizationDetail[];
  /** The intents that a person has consented to: a request takes one of them. */
  readonly offeredDetails?: readonly AuthorizationDetail[];
  /** The details of applications that a person has consented to: a request takes one of them, and no other. */
  readonly offeredApplicationDetails?: readonly ApplicationDetail[];
  /** The interfaces that were consented to; all of the client's when left out. */
  readonly resources?: readonly string[];
  /** Which of them it is when a request names none. */
  readonly resource?: string;
  /** The audience it has already, and so may not be given again. */
  readonly audience?: string;
  /** Seconds since the epoch. */
  readonly expiresAt?: number;
}

/** What an exchanged token keeps of the one before. */
export interface Continuation {
  readonly tokenId: TokenId;
  readonly evidence: RecordId;
  readonly claimsDigest: Digest;
  /** SHA-256 of the token as it was presented, base64url. */
  readonly tokenHash: string;
  readonly transaction?: { readonly id: TransactionId; readonly intentDigest: IntentDigest };
  readonly mandateVersion?: number;
  /** The consent that it rested on, as the token names it: what is exchanged ends with it too. */
  readonly grant?: Digest;
  /** Revocation keys of the token and of those that it was exchanged from, the token's own first. */
  readonly ancestors: readonly Digest[];
}
