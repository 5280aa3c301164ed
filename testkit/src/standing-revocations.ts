import {
  type Actor,
  ended,
  type RevokingParty,
  revocationSubject,
  type Standing,
  type StandingRevocationTarget,
  standing,
} from '@countersign/contracts';
import type { Json } from '@countersign/kernel';

/** How the record of a revocation changes the standing of its target. */
export function revoked(target: StandingRevocationTarget, party: RevokingParty, by: Actor): Standing {
  return standing(revocationSubject(target, party), { ...target, party, by: by.id } satisfies Json);
}

/** How the record that lifts a revocation changes the standing of its target. */
export function lifted(target: StandingRevocationTarget, party: RevokingParty): Standing {
  return ended(revocationSubject(target, party));
}
