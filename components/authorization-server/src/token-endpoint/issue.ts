import type { Client, Decision, ProtocolScope, Resource, Signer } from '@countersign/contracts';
import { type Digest, epochSeconds, type IntentDigest, type RecordId, type TokenId } from '@countersign/kernel';
import type { ApplicationDetail, Scope } from '@countersign/market';
import {
  type AccessTokenClaims,
  accessTokenHeader,
  actClaimOf,
  authorityFault,
  type Confirmation,
  type EncodedHeader,
  revocationKey,
  signAccessToken,
} from '@countersign/oauth';
import type { Authority } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';
import type { GrantedDetail } from './check-details.ts';
import type { StandingMandate } from './check-mandate.ts';
import type { TokenStep } from './check-step.ts';
import type { TokenTransaction } from './open-transaction.ts';

/** Everything the rules have established about one token. */
export interface Grounds {
  readonly issuer: string;
  readonly authority: Authority;
  readonly client: Client;
  readonly resource: Resource;
  /** The `aud` of the token; the resource itself, but for tokens of other classes. */
  readonly audience: string;
  /** Those the token carries. */
  readonly scopes: ReadonlySet<Scope | ProtocolScope>;
  /** What the token is bound to; undefined for the profile `oidc` alone. */
  readonly confirmation: Confirmation | undefined;
  readonly decision: Decision;
  readonly granted: GrantedDetail | undefined;
  readonly mandate: StandingMandate | undefined;
  readonly transaction: TokenTransaction | undefined;
  readonly step?: TokenStep | undefined;
  readonly applicationDetail?: ApplicationDetail | undefined;
  readonly tokenId: TokenId;
  readonly recordId: RecordId;
  readonly lifetimeSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** @throws CodedError `invalid_grant` when what the token rests on is about to end */
export function composeClaims(grounds: Grounds): AccessTokenClaims {
  const { authority, granted, mandate, transaction, step, applicationDetail, now } = grounds;
  const { acr, authTime } = authority.authentication;
  const act = actClaimOf(authority.actors);
  const { region } = grounds.resource;
  const mayAct = actorOf(grounds);
  const grant = grantOf(authority);
  const claims: AccessTokenClaims = {
    iss: grounds.issuer,
    sub: authority.subject,
    aud: grounds.audience,
    client_id: grounds.client.id,
    iat: epochSeconds(now),
    exp: expiryOf(grounds),
    jti: grounds.tokenId,
    scope: [...grounds.scopes].sort().join(' '),
    ...(grounds.confirmation === undefined ? {} : { cnf: grounds.confirmation }),
    lei: authority.institution,
    ...(act === undefined ? {} : { act }),
    ...(mayAct === undefined ? {} : { may_act: { sub: mayAct } }),
    ...(granted === undefined ? {} : { authorization_details: [granted.detail] }),
    ...(mandate === undefined ? {} : { mandate: { id: mandate.id, version: mandate.version } }),
    ...(transaction === undefined ? {} : { txn: transaction.id, intent_digest: transaction.intentDigest }),
    ...(step === undefined
      ? {}
      : {
          authorization_details: [step.detail],
          txn: step.transaction,
          intent_digest: step.intentDigest as IntentDigest,
        }),
    ...(applicationDetail === undefined ? {} : { authorization_details: [applicationDetail] }),
    ...(grant === undefined ? {} : { grant }),
    ...(authority.continues === undefined ? {} : { ancestors: authority.continues.ancestors }),
    ...(region === undefined ? {} : { region }),
    policy_version: grounds.decision.policyVersion,
    evidence: grounds.recordId,
    ...(acr === undefined ? {} : { acr }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
  // The rules before have asked this in words for the client; that it holds for what is signed is asked of the claims.
  const fault = authorityFault(claims);
  if (fault !== undefined) throw refuse('details_missing', fault);
  return claims;
}

/**
 * Who alone may exchange the token (RFC 8693 section 4.4), by the registration of the interface that it is for. A token for a
 * step of a transaction, or for the detail of an application, is exchanged by nobody, and one of another class is for somebody else.
 */
function actorOf({ resource, audience, step, applicationDetail }: Grounds): string | undefined {
  const exchanged = step === undefined && applicationDetail === undefined;
  return audience === resource.uri && exchanged ? resource.mayAct : undefined;
}

/** The consent that the token ends with: its own, or that of the token it was exchanged for. */
function grantOf({ grant, continues }: Authority): Digest | undefined {
  return grant === undefined ? continues?.grant : revocationKey({ kind: 'grant', id: grant.id });
}

/** Seconds since the epoch: after the token's life, or when the first thing it rests on ends. */
function expiryOf({ now, lifetimeSeconds, authority, granted, mandate }: Grounds): number {
  const nowSeconds = epochSeconds(now);
  const expiresAt = Math.min(
    nowSeconds + lifetimeSeconds,
    epochSeconds(granted?.notAfter ?? Number.POSITIVE_INFINITY),
    epochSeconds(mandate?.until ?? Number.POSITIVE_INFINITY),
    Math.floor(authority.ceiling.expiresAt ?? Number.POSITIVE_INFINITY),
  );
  if (expiresAt <= nowSeconds) throw refuse('authority_expired', 'What the token would rest on ends within a second.');
  return expiresAt;
}

/** Signs tokens with the current key; the encoded header is made once for each key. */
export function createTokenSigner(
  signer: Pick<Signer, 'current' | 'sign'>,
): (claims: AccessTokenClaims) => Promise<string> {
  let last: { readonly kid: string; readonly header: EncodedHeader } | undefined;
  return async (claims) => {
    const key = await signer.current('access-token');
    if (last?.kid !== key.kid) last = { kid: key.kid, header: accessTokenHeader(key) };
    const { kid, header } = last;
    return signAccessToken(claims, header, async (data) => (await signer.sign('access-token', kid, data)).signature);
  };
}
