import {
  type AssertionLimits,
  type DirectorySnapshot,
  type PrincipalId,
  parsePrincipalId,
  type TrustProfile,
} from '@countersign/contracts';
import { type GrantLimitsRefusal, readGrantLimits, type VerifiedClaims } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

const refuseLimits: GrantLimitsRefusal = (problem, detail) =>
  refuse(problem === 'tenant' ? 'assertion_tenant' : 'assertion_malformed', detail);

/** Optional limits that the assertion sets for itself. Undefined if it sets none. */
export function readLimits(
  claims: VerifiedClaims,
  profile: TrustProfile,
  directory: DirectorySnapshot,
): AssertionLimits | undefined {
  const { actors: named, ...limits } = readGrantLimits(claims, refuseLimits);
  const actors = named.map((actor) => knownActor(actor, profile, directory));
  const unlimited = limits.scope.length === 0 && limits.resources.length === 0 && actors.length === 0;
  if (unlimited && limits.authorizationDetails === undefined && limits.jkt === undefined) return undefined;
  return { ...limits, actors };
}

/** An issuer may name actors of its own institution only. */
function knownActor(actor: string, profile: TrustProfile, directory: DirectorySnapshot): PrincipalId {
  const id = parsePrincipalId(actor);
  if (id === undefined || directory.principal(id)?.institution !== profile.institution)
    throw refuse(
      'assertion_actor_unknown',
      'Its act claim does not name a principal of the institution of its issuer.',
    );
  return id;
}
