import {
  type AuditAppender,
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
  defined,
  epochSeconds,
  type IntentDigest,
  newId,
  type Random,
  type RecordId,
  type TokenId,
  unreachable,
} from '@countersign/kernel';
import type { ApplicationDetail } from '@countersign/market';
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
import type { StandingMandate } from './check-mandate.ts';
import { decide, requirePermit, type TokenQuestion } from './decide.ts';
import { groundsOf, recordIssue } from './record.ts';

export interface PassedToken extends TokenQuestion {
  readonly grantType: string;
  /** The key binding; undefined only for the profile `oidc`. */
  readonly confirmation: Confirmation | undefined;
  readonly mandate: StandingMandate | undefined;
  readonly applicationDetail: ApplicationDetail | undefined;
  readonly protocolScopes: ReadonlySet<ProtocolScope>;
  /** Maximum; policies and grounds may shorten it. */
  readonly longestSeconds: number;
  /** Of `checkRevoked` and `checkHalted`, maybe pending; its refusal precedes that of the policies. */
  readonly notRevoked: Promise<unknown>;
}

export interface IssueDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
  readonly tokenForms: TokenForms;
  readonly issuer: string;
}

export interface ReleasableToken {
  readonly claims: AccessTokenClaims;
  readonly accessToken: string;
  readonly companions: Companions | undefined;
  readonly recordId: RecordId;
}

/**
 * The only path to a token: decide, compose, sign, record.
 *
 * @param established facts for the record of a refusal; it grows
 * @throws CodedError of `oauthErrors`; `log_unavailable`
 */
export async function issueDecided(
  passed: PassedToken,
  established: Established,
  { clock, random, audit, policyEngine, tokenForms, issuer }: IssueDependencies,
): Promise<ReleasableToken> {
  const { authority, client, resource, mandate, transaction, grantType } = passed;
  const decided = decide(passed, { policyEngine });
  // A refusal by the policies waits for the answer about revocations.
  decided.catch(() => undefined);
  await passed.notRevoked;
  const decision = await decided;
  Object.assign(established, {
    policy: { version: decision.policyVersion, hash: decision.policyHash },
    references: groundsOf(decision, mandate, transaction, authority),
    // For replay, also of a refusal.
    data: { decision: openDecision(decision) },
    protectedValues: protectedDecision(decision, authority.institution),
  });
  requirePermit(decision, transaction);

  const recordId = recordIdFor(authority.usedUp) ?? newId('record', { clock, random });
  const lifetimeSeconds = Math.min(
    passed.longestSeconds,
    authority.requested?.lifetimeSeconds ?? Number.POSITIVE_INFINITY,
    decision.tokenLifetimeSeconds ?? Number.POSITIVE_INFINITY,
  );
  const tokenId = newId('token', { clock, random });
  const claims = composeClaims(passed, { issuer, decision, recordId, tokenId, lifetimeSeconds });
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

/** What a token's claims state besides what has passed the rules. */
export interface IssuedClaims {
  readonly issuer: string;
  readonly decision: Decision;
  readonly recordId: RecordId;
  readonly tokenId: TokenId;
  readonly lifetimeSeconds: number;
}

/** @throws CodedError `invalid_grant` when something that the token is based on is about to end */
export function composeClaims(passed: PassedToken, issued: IssuedClaims): AccessTokenClaims {
  const { authority, granted, mandate, transaction, step, applicationDetail, now } = passed;
  const { acr, authTime } = authority.authentication;
  const act = actClaimOf(authority.actors);
  const { region } = passed.resource;
  const mayAct = actorOf(passed);
  const grant = grantOf(authority);
  const details = [granted?.detail, step?.detail, applicationDetail].filter((detail) => detail !== undefined);
  const claims: AccessTokenClaims = {
    iss: issued.issuer,
    sub: authority.subject,
    aud: passed.audience,
    client_id: passed.client.id,
    iat: epochSeconds(now),
    exp: expiryOf(passed, issued.lifetimeSeconds),
    jti: issued.tokenId,
    scope: [...passed.scopes].sort().join(' '),
    ...defined({ cnf: passed.confirmation }),
    lei: authority.institution,
    ...defined({ act }),
    ...(mayAct === undefined ? {} : { may_act: { sub: mayAct } }),
    ...(details.length === 0 ? {} : { authorization_details: details }),
    ...(mandate === undefined ? {} : { mandate: { id: mandate.id, version: mandate.version } }),
    ...(transaction === undefined ? {} : { txn: transaction.id, intent_digest: transaction.intentDigest }),
    // A step names the digest of the intent of its transaction.
    ...(step === undefined ? {} : { txn: step.transaction, intent_digest: step.intentDigest as IntentDigest }),
    ...defined({ grant, ancestors: authority.continues?.ancestors, region }),
    policy_version: issued.decision.policyVersion,
    evidence: issued.recordId,
    ...defined({ acr, auth_time: authTime }),
  };
  // Checks the claims that are actually signed.
  const fault = authorityFault(claims);
  if (fault !== undefined) throw refuse('details_missing', fault);
  return claims;
}

/** RFC 8693 section 4.4. A token for a step or an application detail cannot be exchanged. */
function actorOf({ resource, audience, step, applicationDetail }: PassedToken): string | undefined {
  const exchanged = step === undefined && applicationDetail === undefined;
  return audience === resource.uri && exchanged ? resource.mayAct : undefined;
}

/** Its own consent, or that of the exchanged token. */
function grantOf({ grant, continues }: Authority): Digest | undefined {
  return grant === undefined ? continues?.grant : revocationKey({ kind: 'grant', id: grant.id });
}

/** Seconds since the epoch. */
function expiryOf({ now, authority, granted, mandate }: PassedToken, lifetimeSeconds: number): number {
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

/** The encoded header is created once per key. */
export function createTokenSigner(
  signer: Pick<Signer, 'current' | 'sign'>,
): (claims: AccessTokenClaims) => Promise<string> {
  let last: { readonly kid: string; readonly header: EncodedHeader } | undefined;
  return async (claims) => {
    const key = await signer.current('access-token');
    if (last?.kid !== key.kid) last = { kid: key.kid, header: accessTokenHeader(key) };
    const { kid, header } = last;
    const context = { record: claims.evidence };
    return signAccessToken(
      claims,
      header,
      async (data) => (await signer.sign('access-token', kid, data, context)).signature,
    );
  };
}

/** In the format of the interface. */
export type TokenForms = (claims: AccessTokenClaims, resource: Resource) => Promise<string>;

/** `opaque`: a reference to a signed token that is stored in its region. */
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

/** In the format of the interface, or of the requested token type. */
export function writeToken(
  granted: Pick<PassedToken, 'resource' | 'client'> & {
    readonly claims: AccessTokenClaims;
    readonly requested: RequestedToken | undefined;
  },
  tokenForms: TokenForms,
): Promise<string> {
  const { claims, resource, client, requested } = granted;
  return requested === undefined ? tokenForms(claims, resource) : requested.sign(claims, client);
}
