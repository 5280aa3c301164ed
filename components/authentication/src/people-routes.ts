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

/** The people that a caller administers: those of their own institution; for the operator, everybody. */
export function administeredPeople(dependencies: Pick<PeopleDoor, 'directory' | 'isOperator'>) {
  const { directory, isOperator } = dependencies;
  /** One answer for unknown people and people of another firm. @throws CodedError `person_not_yours` */
  return function personOf(
    text: string,
    { institution, subject, actors }: Caller,
    itself: 'itself-too' | 'others',
  ): PrincipalId {
    const id = parsePrincipalId(text);
    const found = id === undefined ? undefined : directory.snapshot().knownPrincipal(id);
    if (id === undefined || found?.kind !== 'person' || (found.institution !== institution && !isOperator(institution)))
      throw authenticatorErrors.error('person_not_yours', 'You do not administer a person of this id.');
    if (itself === 'others' && (subject === id || actors.includes(id)))
      throw authenticatorErrors.error('person_not_yours', 'You cannot do this for yourself. Ask a colleague.');
    return id;
  };
}

export interface PeopleDoor {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** The operator administers people of every institution. */
  readonly isOperator: (institution: string) => boolean;
}

export const tag = 'people';
const closed = { additionalProperties: false };
const recordedReason = 'Recorded; do not name people';

export const person = Type.String({ maxLength: 80, description: 'Principal id: `person:` and a name' });
export const personParams = Type.Object({ person }, closed);
export const reasonOf = (maxLength: number) =>
  Type.Object({ reason: Type.String({ minLength: 1, maxLength, description: recordedReason }) }, closed);

export type ToPerson = { Params: Static<typeof personParams> };
export type WithReason = { Body: Static<ReturnType<typeof reasonOf>> };

/** Checks scope and person for the routes under `/people`. */
export function peopleDoor({ directory, guard, baseUrl, isOperator }: PeopleDoor) {
  return { needs: withScope(guard, baseUrl), personOf: administeredPeople({ directory, isOperator }) };
}
