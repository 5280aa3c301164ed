import {
  authenticatorErrors,
  type Caller,
  type Directory,
  type PrincipalId,
  parsePrincipalId,
} from '@countersign/contracts';

/** Whose accounts a caller looks after: those of their own institution; the operator of the installation, everybody's. */
export function peopleLookedAfter({
  directory,
  isOperator,
}: {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly isOperator: (institution: string) => boolean;
}) {
  /**
   * One of whom the caller looks after. The same answer for who is unknown and who is of another firm.
   *
   * @throws CodedError `person_not_yours`
   */
  return function personOf(
    text: string,
    { institution, subject, actors }: Caller,
    itself: 'itself-too' | 'others',
  ): PrincipalId {
    const id = parsePrincipalId(text);
    const found = id === undefined ? undefined : directory.snapshot().knownPrincipal(id);
    if (id === undefined || found?.kind !== 'person' || (found.institution !== institution && !isOperator(institution)))
      throw authenticatorErrors.error('person_not_yours', 'There is no such person among those whom you look after.');
    if (itself === 'others' && (subject === id || actors.includes(id)))
      throw authenticatorErrors.error('person_not_yours', 'Nobody does this to themselves. Ask a colleague.');
    return id;
  };
}
