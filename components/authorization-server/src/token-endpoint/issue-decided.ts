import {
  type AuditAppender,
  openDecision,
  type PolicyEngine,
  type ProtocolScope,
  protectedDecision,
} from '@countersign/contracts';
import { type Clock, newId, type Random, type RecordId } from '@countersign/kernel';
import type { ApplicationDetail } from '@countersign/market';
import type { AccessTokenClaims, Confirmation } from '@countersign/oauth';
import type { Established } from '../established.ts';
import type { Companions } from '../grants/grant-handler.ts';
import { recordIdFor } from '../grants/grant-use.ts';
import type { StandingMandate } from './check-mandate.ts';
import { decide, requirePermit, type TokenQuestion } from './decide.ts';
import { composeClaims } from './issue.ts';
import { groundsOf, recordIssue } from './record.ts';
import { type TokenForms, writeToken } from './token-forms.ts';

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
  // A rejection waits for its turn.
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
