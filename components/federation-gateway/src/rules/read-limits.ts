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

/**
 * What the assertion holds itself to, whatever its type: many grants come without one, and a limit counts because it is
 * there. Undefined where it holds itself to nothing.
 */
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

/** An issuer can say who of its own house acted. Of others it would put something on record that they did not do. */
function knownActor(actor: string, profile: TrustProfile, directory: DirectorySnapshot): PrincipalId {
  const id = parsePrincipalId(actor);
  if (id === undefined || directory.principal(id)?.institution !== profile.institution)
    throw refuse(
      'assertion_actor_unknown',
      'Its act claim names somebody who is no principal of the institution of its issuer.',
    );
  return id;
}
