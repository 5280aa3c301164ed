import type { AssertionLimits, FederatedIdentity } from '@countersign/contracts';
import { isScope } from '@countersign/market';
import { type Confirmation, pushActor } from '@countersign/oauth';
import type { Ceiling } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';

/** The second hop of identity chaining: what a grant of another server holds itself to, it is held to here. */
export function ceilingOf(limits: AssertionLimits | undefined): Ceiling {
  if (limits === undefined) return {};
  const { scope, resources, authorizationDetails } = limits;
  const [resource, another] = resources;
  return {
    // A scope that we do not know is none that we could give: what is left may be nothing.
    ...(scope.length === 0 ? {} : { scope: new Set(scope.filter(isScope)) }),
    ...(resource === undefined ? {} : { resources }),
    ...(resource === undefined || another !== undefined ? {} : { resource }),
    ...(authorizationDetails === undefined ? {} : { offeredDetails: authorizationDetails }),
  };
}

/** Who acted there stays on record here. A client that has carried the grant over is one actor, not two. */
export function actorsUnder({ limits, principal }: FederatedIdentity, client: string): readonly string[] {
  // Joined one by one, so that the chain as a whole has no loop and no more actors than any other.
  const actors = (limits?.actors ?? []).reduceRight<readonly string[]>(
    (chain, actor) => pushActor(chain, actor, principal),
    [],
  );
  return actors[0] === client ? actors : pushActor(actors, client, principal);
}

/** ID-JAG draft -03 section 8.7.1, and any other grant that is bound to a key: without it, it is stolen. */
export function checkPossession(limits: AssertionLimits | undefined, confirmation: Confirmation | undefined): void {
  const jkt: string | undefined = limits?.jkt;
  if (jkt === undefined) return;
  if (confirmation === undefined || !('jkt' in confirmation) || confirmation.jkt !== jkt)
    throw refuse('assertion_key', 'The assertion is bound to a key: the request must show possession of it by DPoP.');
}
