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

/** One way to obtain a token. It establishes the authority and its bounds; the endpoint performs all steps that grants share. */
export interface GrantHandler<Type extends GrantType = GrantType> {
  readonly grantType: Type;
  /** @throws CodedError of `oauthErrors` if a parameter is missing or not supported */
  parse(parameters: ReadonlyMap<string, string>): GrantRequest<Type>;
}

export interface GrantRequest<Type extends GrantType = GrantType> {
  /** Runs after client authentication. @param confirmation key binding of the token, if any @throws CodedError */
  resolve(by: ClientContext, confirmation: Confirmation | undefined): Promise<Authority<Type>>;
}

export interface Authority<Way extends WayToToken = WayToToken> {
  readonly subject: string;
  readonly institution: Lei;
  /** Principal ids, current actor first; empty when the subject acts itself. */
  readonly actors: readonly string[];
  readonly ceiling: Ceiling;
  /** For the record; the token has its `acr` and `authTime`. */
  readonly authentication: NonNullable<RecordDraft['authentication']>;
  /** Digests of the intents that our own sign-in was made for; empty for a general sign-in. */
  readonly boundTo?: readonly Digest[];
  readonly device?: string;
  /** The party that vouches for the subject: another institution, or its identity provider. */
  readonly partner?: { readonly institution: string; readonly claims: readonly string[] };
  /** Used up even if no token is issued; see {@link grantUses}. */
  readonly usedUp: UsedUp<Way>;
  /** Records that the authority is based on. */
  readonly references: readonly RecordId[];
  readonly provenance?: Json;
  readonly continues?: Continuation;
  /** If the requested token is not an access token. */
  readonly requested?: RequestedToken;
  /** The token ends with this consent. */
  readonly grant?: Grant;
  /** Values released beside the access token. Called once, before the record, which has their hashes. */
  companions?(issued: IssuedAccessToken): Promise<Companions>;
}

export interface IssuedAccessToken {
  readonly claims: AccessTokenClaims;
  readonly accessToken: string;
  readonly protocolScopes: ReadonlySet<ProtocolScope>;
}

export interface Companions {
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly grant_id?: string;
}

/** Bounds in addition to those of client, target, mandate and policy. */
export interface Ceiling {
  readonly scope?: ReadonlySet<Scope>;
  /** Consented protocol scopes; none without consent. */
  readonly protocolScopes?: ReadonlySet<ProtocolScope>;
  /** Of the exchanged token; kept if the request names none. */
  readonly details?: readonly AuthorizationDetail[];
  /** Consented intents: a request must use one of them. */
  readonly offeredDetails?: readonly AuthorizationDetail[];
  /** Consented application details: a request must use one of them, and no other. */
  readonly offeredApplicationDetails?: readonly ApplicationDetail[];
  /** The consented interfaces; all interfaces of the client when left out. */
  readonly resources?: readonly string[];
  readonly resource?: string;
  /** Of the exchanged token; the new one must differ. */
  readonly audience?: string;
  /** Seconds since the epoch. */
  readonly expiresAt?: number;
}

/** Carried over from the exchanged token. */
export interface Continuation {
  readonly tokenId: TokenId;
  readonly evidence: RecordId;
  readonly claimsDigest: Digest;
  /** SHA-256 of the exchanged token as presented, base64url. */
  readonly tokenHash: string;
  readonly transaction?: { readonly id: TransactionId; readonly intentDigest: IntentDigest };
  readonly mandateVersion?: number;
  /** The new token ends with this consent too. */
  readonly grant?: Digest;
  /** Revocation keys of the exchanged token and of its own predecessors, its own first. */
  readonly ancestors: readonly Digest[];
}

/** A token type other than access tokens that an exchange can request (RFC 8693 section 3), for a target outside our interfaces. */
export interface RequestedTokenClass {
  /** Value of `requested_token_type` and `issued_token_type`. */
  readonly tokenType: string;
  /** @throws CodedError of `oauthErrors`, or of a vocabulary that maps to it */
  parse(parameters: ReadonlyMap<string, string>): RequestedToken;
}

export interface RequestedToken {
  readonly tokenType: string;
  readonly lifetimeSeconds: number;
  /** @param asked `audience` or `resource` of the request @throws CodedError `invalid_target` */
  audienceOf(asked: string | undefined, between: ExchangeParties): string;
  /** @param granted the claims that an access token would have */
  sign(granted: AccessTokenClaims, client: Client): Promise<string>;
}

export interface ExchangeParties {
  readonly client: Client;
  readonly institution: Lei;
}

/** For records only; no endpoint accepts it. */
export const emergencyGrantType = 'urn:countersign:grant:break-glass';
export type WayToToken = GrantType | typeof emergencyGrantType;

/** `assertion`: an identifier of another party, to be presented once. `given`: a value of this server with its own row. */
type GrantUse =
  | { readonly uses: 'nothing'; readonly because: string }
  | { readonly uses: 'assertion' }
  | { readonly uses: 'given' };

/** Besides the client's assertion and proof (`client-endpoint/check-proof.ts`), which every request uses up. */
export const grantUses = {
  client_credentials: { uses: 'nothing', because: 'the client authenticates each time' },
  authorization_code: { uses: 'given' },
  'urn:openid:params:grant-type:ciba': { uses: 'given' },
  'urn:ietf:params:oauth:grant-type:jwt-bearer': { uses: 'assertion' },
  refresh_token: {
    uses: 'nothing',
    because: 'refresh tokens are not rotated (FAPI 2.0 Security Profile section 5.3.2.1)',
  },
  'urn:ietf:params:oauth:grant-type:token-exchange': {
    uses: 'nothing',
    because: 'the recipient of a token may need it for several hops',
  },
  [emergencyGrantType]: { uses: 'nothing', because: 'each new emergency token revokes the previous one' },
} as const satisfies Readonly<Record<WayToToken, GrantUse>>;

/** A value that this server issued and that can be redeemed once. */
export interface GivenOnce {
  /** Its name in the log. The token's record ends it, whatever its row says. */
  readonly thing: string;
  /** Exactly one caller on all nodes gets `claimed`. */
  consume(): Promise<'claimed' | 'replayed'>;
  /** The refusal of a value that was redeemed before. */
  replayed(): Promise<Error> | Error;
}

interface UsedUpBy {
  readonly nothing: undefined;
  readonly assertion: SingleUseClaim;
  readonly given: GivenOnce;
}

export type UsedUp<Way extends WayToToken> = UsedUpBy[(typeof grantUses)[Way]['uses']];

export function endedWith(usedUp: UsedUp<WayToToken>): readonly string[] {
  return usedUp !== undefined && 'thing' in usedUp ? [usedUp.thing] : [];
}

/** Derived from what the token uses up, so that only one such record can exist. Undefined if nothing is used up. */
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
