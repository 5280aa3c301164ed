import {
  type AuditAppender,
  type Client,
  type Decision,
  openDecision,
  type PolicyEngine,
  type ProtocolScope,
  protectedDecision,
  type Resource,
  type Signer,
} from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  epochSeconds,
  type IntentDigest,
  newId,
  type Random,
  type RecordId,
  type TokenId,
  unreachable,
} from '@countersign/kernel';
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
import type { Established } from '../client-endpoint/index.ts';
import { type Authority, type Companions, type RequestedToken, recordIdFor } from '../grant-handler.ts';
import type { OpaqueTokens } from '../opaque-tokens/index.ts';
import { refuse } from '../refusal.ts';
import type { GrantedDetail } from './check-details.ts';
import type { StandingMandate } from './check-mandate.ts';
import { decide, requirePermit, type TokenQuestion } from './decide.ts';
import type { TokenStep, TokenTransaction } from './open-transaction.ts';
import { groundsOf, recordIssue } from './record.ts';

/** A token for which every rule has passed: whose authority, for what, under what. */
export interface PassedToken extends TokenQuestion {
  /** As the record names the way to it. */
  readonly grantType: string;
  /** What it is bound to; undefined for the profile `oidc` alone. */
  readonly confirmation: Confirmation | undefined;
  readonly mandate: StandingMandate | undefined;
  readonly applicationDetail: ApplicationDetail | undefined;
  /** The scopes of the protocol itself that are granted with it. */
  readonly protocolScopes: ReadonlySet<ProtocolScope>;
  /** Seconds that it lives at most; less where a policy says so, or what it rests on ends. */
  readonly longestSeconds: number;
  /** The answer of `checkRevoked`. It may still be pending, and its refusal comes before that of the policies. */
  readonly notRevoked: Promise<void>;
}

export interface IssueDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
  readonly tokenForms: TokenForms;
  readonly issuer: string;
}

/** A token whose record is durable: it may be released. */
export interface ReleasableToken {
  readonly claims: AccessTokenClaims;
  readonly accessToken: string;
  readonly companions: Companions | undefined;
  readonly recordId: RecordId;
}

/**
 * The one way to a token, whoever asks: decided, composed, written, recorded. Nothing leaves before its record is durable.
 *
 * @param established what is known of the request so far; it grows, for the record of a refusal
 * @throws CodedError of `oauthErrors`; `log_unavailable`
 */
export async function issueDecided(
  passed: PassedToken,
  established: Established,
  { clock, random, audit, policyEngine, tokenForms, issuer }: IssueDependencies,
): Promise<ReleasableToken> {
  const { authority, client, resource, mandate, transaction, grantType } = passed;
  const decided = decide(passed, { policyEngine });
  // A refusal by the policies must wait for the answer about revocations.
  decided.catch(() => undefined);
  await passed.notRevoked;
  const decision = await decided;
  Object.assign(established, {
    policy: { version: decision.policyVersion, hash: decision.policyHash },
    references: groundsOf(decision, mandate, transaction, authority),
    // A refusal is replayed from its record as a permit is.
    data: { decision: openDecision(decision) },
    protectedValues: protectedDecision(decision, authority.institution),
  });
  requirePermit(decision, transaction);

  const recordId = recordIdFor(authority.usedUp) ?? newId('record', { clock, random });
  const claims = composeClaims({
    ...passed,
    issuer,
    decision,
    recordId,
    tokenId: newId('token', { clock, random }),
    lifetimeSeconds: Math.min(
      passed.longestSeconds,
      authority.requested?.lifetimeSeconds ?? Number.POSITIVE_INFINITY,
      decision.tokenLifetimeSeconds ?? Number.POSITIVE_INFINITY,
    ),
  });
  const accessToken = await writeToken({ claims, resource, client, requested: authority.requested }, tokenForms);
  const companions = await authority.companions?.({ claims, accessToken, protocolScopes: passed.protocolScopes });
  await recordIssue(
    {
      ...{ recordId, grantType, claims, accessToken, companions, decision, authority },
      permitted: transaction && { transaction: transaction.id, institution: resource.institution },
    },
    established,
    audit,
  );
  return { claims, accessToken, companions, recordId };
}

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
  // The rules above explain a refusal to the client; this checks the claims that are actually signed.
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
  if (expiresAt <= nowSeconds) throw refuse('authority_expired', 'The authority for the token ends within a second.');
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

/** Puts claims into the form in which their interface takes tokens, by its registration. */
export type TokenForms = (claims: AccessTokenClaims, resource: Resource) => Promise<string>;

/** `jwt`: the signed token. `opaque`: a reference that says nothing, to a signed token that is kept in its region. */
export function createTokenForms(forms: {
  readonly signToken: (claims: AccessTokenClaims) => Promise<string>;
  readonly opaqueTokens: Pick<OpaqueTokens, 'keep'>;
}): TokenForms {
  return (claims, { tokenFormat }) => {
    switch (tokenFormat) {
      case 'jwt':
        return forms.signToken(claims);
      case 'opaque':
        return forms.opaqueTokens.keep(claims);
      default:
        return unreachable(tokenFormat);
    }
  };
}

/** Writes what was granted: in the form of its interface, or as the class that is asked for is written. */
export function writeToken(
  granted: {
    readonly claims: AccessTokenClaims;
    readonly resource: Resource;
    readonly client: Client;
    readonly requested: RequestedToken | undefined;
  },
  tokenForms: TokenForms,
): Promise<string> {
  const { claims, resource, client, requested } = granted;
  if (requested !== undefined) return requested.sign(claims, client);
  return tokenForms(claims, resource);
}
