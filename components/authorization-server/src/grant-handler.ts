import {
  type Client,
  type Grant,
  type GrantType,
  type ProtocolScope,
  type RecordDraft,
  recordIdOfCommand,
  type SingleUseClaim,
} from '@countersign/contracts';
import {
  type Digest,
  digestOf,
  type IntentDigest,
  type Json,
  type RecordId,
  type TokenId,
  type TransactionId,
} from '@countersign/kernel';
import type { ApplicationDetail, AuthorizationDetail, Lei, Scope } from '@countersign/market';
import type { AccessTokenClaims, Confirmation } from '@countersign/oauth';
import type { ClientContext } from './client-endpoint/index.ts';

/**
 * One way to obtain a token. A grant establishes the subject's authority and its bounds. The endpoint performs the steps
 * common to all grants (client authentication, proof, replay claims, binding, scopes, mandate, policy, record), so that a
 * new grant cannot omit one of them and fits in one file.
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
   * @param confirmation the token's key binding; undefined if this client's tokens are not bound
   * @throws CodedError
   */
  resolve(by: ClientContext, confirmation: Confirmation | undefined): Promise<Authority<Type>>;
}

/** The subject and actors of a token, and the bounds of its authority. */
export interface Authority<Way extends WayToToken = WayToToken> {
  /** Principal id. */
  readonly subject: string;
  /** The institution the subject acts for. */
  readonly institution: Lei;
  /** Principal ids, current actor first; empty when the subject acts itself. */
  readonly actors: readonly string[];
  readonly ceiling: Ceiling;
  /** How the subject was authenticated. The record contains it, and the token contains its `acr` and `authTime`. */
  readonly authentication: NonNullable<RecordDraft['authentication']>;
  /** Only for our own sign-in: digests of the intents that the sign-in was made for; empty for a general sign-in. */
  readonly boundTo?: readonly Digest[];
  /** The managed device on which the subject signed in. */
  readonly device?: string;
  /** The party that vouches for the subject: another institution, or its identity provider. */
  readonly partner?: { readonly institution: string; readonly claims: readonly string[] };
  /** What the request uses up whether or not a token is issued, as {@link grantUses} declares it. */
  readonly usedUp: UsedUp<Way>;
  /** Records that the authority is based on. */
  readonly references: readonly RecordId[];
  /** Further facts for the record. */
  readonly provenance?: Json;
  /** The token that is exchanged. */
  readonly continues?: Continuation;
  /** The requested token if it is not an access token: its target is not one of our interfaces. */
  readonly requested?: RequestedToken;
  /** The consent that the token is based on; the token ends with it. */
  readonly grant?: Grant;
  /** Creates the values released beside the access token. Called once, before the record, which contains the hash of each. */
  companions?(issued: IssuedAccessToken): Promise<Companions>;
}

export interface IssuedAccessToken {
  readonly claims: AccessTokenClaims;
  readonly accessToken: string;
  /** The protocol's own scopes that are granted with this request. */
  readonly protocolScopes: ReadonlySet<ProtocolScope>;
}

export interface Companions {
  readonly refresh_token?: string;
  readonly id_token?: string;
  /** Grant Management for OAuth. */
  readonly grant_id?: string;
}

/** Bounds in addition to those of client, target, mandate and policy. */
export interface Ceiling {
  readonly scope?: ReadonlySet<Scope>;
  /** The protocol's own scopes that a person has consented to; without consent none can be granted. */
  readonly protocolScopes?: ReadonlySet<ProtocolScope>;
  /** The intents of the exchanged token: a request that names none keeps them. */
  readonly details?: readonly AuthorizationDetail[];
  /** The intents that a person has consented to: a request must use one of them. */
  readonly offeredDetails?: readonly AuthorizationDetail[];
  /** The application authorization details that a person has consented to: a request must use one of them, and no other. */
  readonly offeredApplicationDetails?: readonly ApplicationDetail[];
  /** The consented interfaces; all interfaces of the client when left out. */
  readonly resources?: readonly string[];
  /** The interface to use if a request names none. */
  readonly resource?: string;
  /** The audience that the exchanged token already has, and that the new token may not have. */
  readonly audience?: string;
  /** Seconds since the epoch. */
  readonly expiresAt?: number;
}

/** What a token exchange carries over from the exchanged token. */
export interface Continuation {
  readonly tokenId: TokenId;
  readonly evidence: RecordId;
  readonly claimsDigest: Digest;
  /** SHA-256 of the exchanged token as presented, base64url. */
  readonly tokenHash: string;
  readonly transaction?: { readonly id: TransactionId; readonly intentDigest: IntentDigest };
  readonly mandateVersion?: number;
  /** The consent that the exchanged token names: the new token ends with it too. */
  readonly grant?: Digest;
  /** Revocation keys of the exchanged token and of its own predecessors, its own first. */
  readonly ancestors: readonly Digest[];
}

/**
 * A token type that an exchange can request instead of an access token (RFC 8693 section 3), for a target that is not one of
 * our interfaces. The type defines the recipient and the encoding. The endpoint handles subject, actors, scope, intent,
 * mandate, policies, lifetime and record as it does for every token.
 */
export interface RequestedTokenClass {
  /** Value of `requested_token_type`, and of `issued_token_type` in the answer. */
  readonly tokenType: string;
  /** Takes its own parameters from the form. @throws CodedError of `oauthErrors`, or of a vocabulary that maps to it */
  parse(parameters: ReadonlyMap<string, string>): RequestedToken;
}

/** One requested token that is not an access token. */
export interface RequestedToken {
  readonly tokenType: string;
  /** Lifetime in seconds, unless something that the token is based on ends earlier. */
  readonly lifetimeSeconds: number;
  /**
   * The recipient of the token.
   *
   * @param asked `audience` or `resource` of the request
   * @throws CodedError `invalid_target`
   */
  audienceOf(asked: string | undefined, between: ExchangeParties): string;
  /** Encodes the token from the claims that an access token would have. @param client that requests it */
  sign(granted: AccessTokenClaims, client: Client): Promise<string>;
}

export interface ExchangeParties {
  /** The requesting client. */
  readonly client: Client;
  /** The institution that the subject acts for. */
  readonly institution: Lei;
}

/** Grant type that records use for emergency tokens. No endpoint accepts it. */
export const emergencyGrantType = 'urn:countersign:grant:break-glass';
export type WayToToken = GrantType | typeof emergencyGrantType;

/** What one token uses up. */
type GrantUse =
  | { readonly uses: 'nothing'; readonly because: string }
  /** An identifier that another party created: it must not have been presented before. */
  | { readonly uses: 'assertion' }
  /** A value that this server issued and that has its own row. */
  | { readonly uses: 'given' };

/** What each grant uses up. Every grant also uses up the client's assertion and proof (`client-endpoint/check-proof.ts`). */
export const grantUses = {
  client_credentials: { uses: 'nothing', because: 'the client shows who it is anew each time' },
  authorization_code: { uses: 'given' },
  'urn:openid:params:grant-type:ciba': { uses: 'given' },
  'urn:ietf:params:oauth:grant-type:jwt-bearer': { uses: 'assertion' },
  refresh_token: {
    uses: 'nothing',
    because: 'refresh tokens are not rotated (FAPI 2.0 Security Profile section 5.3.2.1)',
  },
  'urn:ietf:params:oauth:grant-type:token-exchange': {
    uses: 'nothing',
    because: 'the recipient of a token calls as many hops with it as it has to, until it ends',
  },
  [emergencyGrantType]: { uses: 'nothing', because: 'an emergency has one token, and the next ends the one before' },
} as const satisfies Readonly<Record<WayToToken, GrantUse>>;

/** A value that this server issued and that can be redeemed once. */
export interface GivenOnce {
  /** Its name in the log. The token's record ends the value: it cannot be redeemed again, whatever its row says. */
  readonly thing: string;
  /** Of all concurrent callers on all nodes, exactly one gets `claimed`. */
  take(): Promise<'claimed' | 'replayed'>;
  /** Handles a value that was redeemed before. @returns the refusal */
  replayed(): Promise<Error> | Error;
}

interface UsedUpBy {
  readonly nothing: undefined;
  readonly assertion: SingleUseClaim;
  readonly given: GivenOnce;
}

/** What one request uses up, as its grant declares it. */
export type UsedUp<Way extends WayToToken> = UsedUpBy[(typeof grantUses)[Way]['uses']];

/** The issued value that the token's record ends. */
export function endedWith(usedUp: UsedUp<WayToToken>): readonly string[] {
  return usedUp !== undefined && 'thing' in usedUp ? [usedUp.thing] : [];
}

/**
 * Id of the record of a token that uses something up, so that only one such record can exist, whatever happens to the row or
 * the claim. Undefined if nothing is used up.
 */
export function recordIdFor(usedUp: UsedUp<WayToToken>): RecordId | undefined {
  if (usedUp === undefined) return undefined;
  return recordIdOfCommand({ first: 'thing' in usedUp ? usedUp.thing : claimed(usedUp) });
}

/** Includes the expiry: an issuer may reuse an identifier once it has expired. */
function claimed({ purpose, issuer, id, expiresAt }: SingleUseClaim): string {
  return `${purpose}:${digestOf({ issuer, id, expires_at: expiresAt })}`;
}

/** RFC 8693 section 3. */
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
