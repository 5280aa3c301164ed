import {
  authenticatorErrors,
  type Caller,
  type Directory,
  type PrincipalId,
  parsePrincipalId,
  type ResourceGuard,
} from '@countersign/contracts';
import { withScope } from '@countersign/runtime';
import { type Static, Type } from 'typebox';

/** The people a caller administers: their own institution's; for the operator, everybody. */
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

/** Who is let through to `/people`, and to whom. */
export interface PeopleDoor {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** Whether an institution runs this installation: it looks after the people of every other. */
  readonly isOperator: (institution: string) => boolean;
}

export const tag = 'people';
const closed = { additionalProperties: false };
const told = 'It is recorded; no names of people';

export const person = Type.String({ maxLength: 80, description: 'Principal id: `person:` and a name' });
export const personParams = Type.Object({ person }, closed);
/** @param maxLength in characters */
export const reasonOf = (maxLength: number) =>
  Type.Object({ reason: Type.String({ minLength: 1, maxLength, description: told }) }, closed);

export type ToPerson = { Params: Static<typeof personParams> };
export type WithReason = { Body: Static<ReturnType<typeof reasonOf>> };

/** What every route under `/people` begins with: the scope of the caller, and whether the person is one they look after. */
export function peopleDoor({ directory, guard, baseUrl, isOperator }: PeopleDoor) {
  return {
    /** The handler for callers with this scope. */
    needs: withScope(guard, baseUrl),
    personOf: peopleLookedAfter({ directory, isOperator }),
  };
}
