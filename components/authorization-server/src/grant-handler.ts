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

/**
 * A class of tokens that an exchange can ask for in place of an access token (RFC 8693 section 3), because they are for
 * no interface of ours. The class says for whom they are and how they are written. Subject, actors, scope, intent,
 * mandate, policies, lifetime and record are the endpoint's, as they are for every token.
 */
export interface RequestedTokenClass {
  /** Value of `requested_token_type`, and of `issued_token_type` in the answer. */
  readonly tokenType: string;
  /** Takes its own parameters from the form. @throws CodedError of `oauthErrors`, or what becomes one */
  parse(parameters: ReadonlyMap<string, string>): RequestedToken;
}

/** One that is asked for. */
export interface RequestedToken {
  readonly tokenType: string;
  /** Seconds it lives, where nothing that it rests on ends sooner. */
  readonly lifetimeSeconds: number;
  /**
   * Whom it is for.
   *
   * @param asked `audience` or `resource` of the request
   * @throws CodedError `invalid_target`
   */
  audienceOf(asked: string | undefined, between: ExchangeParties): string;
  /** Writes it, from what an access token would say. @param client that asks for it */
  sign(granted: AccessTokenClaims, client: Client): Promise<string>;
}

export interface ExchangeParties {
  /** Who asks. */
  readonly client: Client;
  /** For which the subject acts. */
  readonly institution: Lei;
}

/** As records name the way to a token of an emergency. It can be asked for at no endpoint. */
export const emergencyGrantType = 'urn:countersign:grant:break-glass';
export type WayToToken = GrantType | typeof emergencyGrantType;

/** What one token uses up. */
type GrantUse =
  | { readonly uses: 'nothing'; readonly because: string }
  /** An id that somebody else has made: nobody may have brought it before. */
  | { readonly uses: 'assertion' }
  /** Something that was given here, which has a row of its own. */
  | { readonly uses: 'given' };

/**
 * What each way to a token uses up. The client's assertion and proof are used once by every one of them
 * (`client-endpoint/check-proof.ts`).
 */
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

/** Something that was given here, and is taken once. */
export interface GivenOnce {
  /** As the log calls it. The record of the token ends it: it gives nothing a second time, whatever its row says. */
  readonly thing: string;
  /** Of any number of callers on any number of nodes, exactly one gets `claimed`. */
  take(): Promise<'claimed' | 'replayed'>;
  /** What follows where somebody had it before. @returns the refusal */
  replayed(): Promise<Error> | Error;
}

interface UsedUpBy {
  readonly nothing: undefined;
  readonly assertion: SingleUseClaim;
  readonly given: GivenOnce;
}

/** What one request uses up, as the way that it goes declares it. */
export type UsedUp<Way extends WayToToken> = UsedUpBy[(typeof grantUses)[Way]['uses']];

/** What the record of the token ends. */
export function endedWith(usedUp: UsedUp<WayToToken>): readonly string[] {
  return usedUp !== undefined && 'thing' in usedUp ? [usedUp.thing] : [];
}

/**
 * Id of the record of a token that uses something up: there is one such record, whatever becomes of the row or the claim; undefined
 * where nothing is used up.
 */
export function recordIdFor(usedUp: UsedUp<WayToToken>): RecordId | undefined {
  if (usedUp === undefined) return undefined;
  return recordIdOfCommand({ first: 'thing' in usedUp ? usedUp.thing : claimed(usedUp) });
}

/** With its end: an issuer may give an id again once it has been forgotten. */
function claimed({ purpose, issuer, id, expiresAt }: SingleUseClaim): string {
  return `${purpose}:${digestOf({ issuer, id, expires_at: expiresAt })}`;
}

/** RFC 8693 section 3. */
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
