import { accessErrors, type Caller, type Requester, requesterOf } from '@countersign/contracts';

/**
 * Who takes a step: a person with the software that they signed in to, which holds one of the two scopes and not both.
 * Whoever acts for others beyond that could be both of the two: propose for the one and approve for the other.
 *
 * @throws CodedError `insufficient_scope` where somebody else acts on the subject's behalf
 */
export function requireUndelegated(caller: Caller): Requester {
  if (caller.actors.length > (caller.subject.startsWith('person:') ? 1 : 0))
    throw accessErrors.error(
      'insufficient_scope',
      'Policies are changed by those who answer for it themselves: this token was given to somebody acting for another.',
    );
  return requesterOf(caller);
}
