import {
  type AuditAppender,
  type Directory,
  type EmergencyTokens,
  emergencyScopes,
  openDecision,
  type PolicyEngine,
  protectedDecision,
  type StandingReader,
} from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random, toInstant } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { maxAccessTokenLifetimeSeconds } from '@countersign/oauth';
import { checkStanding } from '../client-endpoint/check-client.ts';
import { recordRefusal } from '../client-endpoint/record-refusal.ts';
import type { Established } from '../established.ts';
import type { Authority } from '../grants/grant-handler.ts';
import { asOAuthError, refuse } from '../refusal.ts';
import { checkRevoked } from '../token-endpoint/check-revoked.ts';
import { decide, requirePermit } from '../token-endpoint/decide.ts';
import { composeClaims } from '../token-endpoint/issue.ts';
import { describeAuthority, groundsOf, recordIssue } from '../token-endpoint/record.ts';
import type { TokenForms } from '../token-endpoint/token-forms.ts';

export interface EmergencyDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender & StandingReader;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
  readonly tokenForms: TokenForms;
  readonly issuer: string;
}

/** As the record names the grant. It can be asked for at no endpoint. */
const grantType = 'urn:countersign:grant:break-glass';
const known: ReadonlySet<Scope> = new Set<Scope>(emergencyScopes);

/**
 * Access tokens of emergencies. Whoever calls has established that there is one; what such a token can be for is fenced
 * here, whoever calls: scopes of emergencies alone, one of our own interfaces, no intent, five minutes as every token,
 * bound to a key, with nothing beside it to renew it by.
 */
export function createEmergencyTokens(dependencies: EmergencyDependencies): EmergencyTokens {
  const { clock, random, audit, directory, tokenForms, issuer } = dependencies;

  return {
    async issueEmergency(request) {
      const now = clock.now();
      const established: Established = { client: request.client, audience: [request.resource] };
      try {
        return await issue(request, now, established);
      } catch (error) {
        const refusal = asOAuthError(error);
        if (refusal === undefined || isCodedError(refusal, 'temporarily_unavailable')) throw error;
        await recordRefusal(
          {
            recordId: newId('record', { clock, random }),
            endpoint: { name: 'break-glass', refusalType: 'token.refused' },
            error: refusal,
          },
          established,
          audit,
        );
        throw refusal;
      }
    },
  };

  async function issue(
    request: Parameters<EmergencyTokens['issueEmergency']>[0],
    now: number,
    established: Established,
  ): ReturnType<EmergencyTokens['issueEmergency']> {
    const snapshot = directory.snapshot();
    const person = snapshot.principal(request.subject);
    const client = snapshot.client(request.client);
    const resource = snapshot.resource(request.resource);
    if (person?.kind !== 'person' || client === undefined)
      throw refuse('principal_unknown', 'The person or the software of this emergency is not in the directory.');
    if (resource === undefined || !resource.uri.startsWith(`${issuer}/`))
      throw refuse('target_not_allowed', 'Emergency access is for interfaces of this installation.');
    const authority: Authority = {
      subject: person.id,
      institution: person.institution,
      actors: [],
      ceiling: {},
      authentication: { method: 'break-glass', ...request.authentication },
      singleUse: [],
      references: request.references,
      provenance: { incident: request.incident },
    };
    Object.assign(established, describeAuthority(authority, snapshot));
    checkStanding(person.institution, snapshot);
    await checkRevoked({ authority, client, directory: snapshot }, audit);
    const scopes: ReadonlySet<Scope> = new Set<Scope>(request.scopes);
    for (const scope of scopes) {
      if (!known.has(scope)) throw refuse('scope_not_allowed', `${scope} is nothing for an emergency.`);
      if (!resource.scopes.includes(scope))
        throw refuse('scope_not_offered', `${resource.uri} does not offer ${scope}.`);
    }
    if (scopes.size === 0) throw refuse('scope_missing', 'Name the scopes the emergency is for.');
    established.scope = [...scopes];

    const question = {
      authority,
      client,
      resource,
      audience: resource.uri,
      scopes,
      granted: undefined,
      transaction: undefined,
      now,
    };
    const decision = await decide(question, dependencies);
    Object.assign(established, {
      policy: { version: decision.policyVersion, hash: decision.policyHash },
      references: groundsOf(decision, undefined, undefined, authority),
      data: { decision: openDecision(decision) },
      protectedValues: protectedDecision(decision, authority.institution),
    });
    requirePermit(decision, undefined);

    const recordId = newId('record', { clock, random });
    const tokenId = newId('token', { clock, random });
    const claims = composeClaims({
      ...question,
      issuer,
      confirmation: { jkt: request.jkt },
      decision,
      mandate: undefined,
      recordId,
      tokenId,
      lifetimeSeconds: Math.min(
        request.lifetimeSeconds,
        maxAccessTokenLifetimeSeconds,
        decision.tokenLifetimeSeconds ?? Number.POSITIVE_INFINITY,
      ),
    });
    const accessToken = await tokenForms(claims, resource);
    const issued = { recordId, grantType, claims, accessToken, companions: undefined, decision, authority };
    const { data: _decided, protectedValues: _withheld, ...members } = established;
    await recordIssue(issued, members, audit);
    return { accessToken, tokenId, recordId, expiresAt: toInstant(claims.exp * 1000) };
  }
}
