import {
  type AuditAppender,
  type Directory,
  type EmergencyTokens,
  emergencyScopes,
  oauthErrors,
  type StandingReader,
} from '@countersign/contracts';
import { newId, toInstant } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { maxAccessTokenLifetimeSeconds } from '@countersign/oauth';
import { checkStanding, type Established, recordRefusal } from './client-endpoint/index.ts';
import { type Authority, emergencyGrantType } from './grant-handler.ts';
import { asOAuthError, refuse } from './refusal.ts';
import { checkRevoked, describeAuthority, type IssueDependencies, issueDecided } from './token-endpoint/index.ts';

export interface EmergencyDependencies extends IssueDependencies {
  readonly audit: AuditAppender & StandingReader;
  readonly directory: Pick<Directory, 'snapshot'>;
}

const known: ReadonlySet<Scope> = new Set<Scope>(emergencyScopes);

/**
 * Access tokens for emergency access. The caller has established the emergency. The token is limited to emergency scopes, one of
 * our own interfaces, no intent, five minutes and a key, without a refresh token.
 */
export function createEmergencyTokens(dependencies: EmergencyDependencies): EmergencyTokens {
  const { clock, random, audit, directory, issuer } = dependencies;

  return {
    async issueEmergency(request) {
      const now = clock.now();
      const established: Established = { client: request.client, audience: [request.resource] };
      try {
        return await issue(request, now, established);
      } catch (error) {
        const refusal = asOAuthError(error);
        if (refusal === undefined || oauthErrors.is(refusal, 'temporarily_unavailable')) throw error;
        const endpoint = { name: 'break-glass', refusalType: 'token.refused' } as const;
        const recordId = newId('record', { clock, random });
        await recordRefusal({ recordId, endpoint, error: refusal }, established, audit);
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
    const authority: Authority<typeof emergencyGrantType> = {
      subject: person.id,
      institution: person.institution,
      actors: [],
      ceiling: {},
      authentication: { method: 'break-glass', ...request.authentication },
      usedUp: undefined,
      references: request.references,
      provenance: { incident: request.incident },
    };
    Object.assign(established, describeAuthority(authority, snapshot));
    checkStanding(person.institution, snapshot);
    const notRevoked = checkRevoked({ authority, client, directory: snapshot }, audit);
    await notRevoked;
    const scopes: ReadonlySet<Scope> = new Set<Scope>(request.scopes);
    for (const scope of scopes) {
      if (!known.has(scope)) throw refuse('scope_not_allowed', `${scope} is not a scope for emergencies.`);
      if (!resource.scopes.includes(scope))
        throw refuse('scope_not_offered', `${resource.uri} does not offer ${scope}.`);
    }
    if (scopes.size === 0) throw refuse('scope_missing', 'Name the scopes the emergency is for.');
    established.scope = [...scopes];

    const { claims, accessToken, recordId } = await issueDecided(
      {
        ...{ authority, client, resource, scopes, now, grantType: emergencyGrantType },
        audience: resource.uri,
        ...{ granted: undefined, transaction: undefined, mandate: undefined, applicationDetail: undefined },
        protocolScopes: new Set(),
        confirmation: { jkt: request.jkt },
        longestSeconds: Math.min(request.lifetimeSeconds, maxAccessTokenLifetimeSeconds),
        notRevoked,
      },
      established,
      dependencies,
    );
    return { accessToken, tokenId: claims.jti, recordId, expiresAt: toInstant(claims.exp * 1000) };
  }
}
