import { accessErrors, type Caller, type Requester, requesterOf } from '@countersign/contracts';

/**
 * The requester of a step: a service itself, or a person with one client. Any further actor could both propose for one person and
 * approve for another.
 *
 * @throws CodedError `insufficient_scope` if somebody else acts for the subject
 */
export function requireUndelegated(caller: Caller): Requester {
  if (caller.actors.length > (caller.subject.startsWith('person:') ? 1 : 0))
    throw accessErrors.error(
      'insufficient_scope',
      'Policies must be changed by the responsible person directly, but this token is for somebody acting for another.',
    );
  return requesterOf(caller);
}
