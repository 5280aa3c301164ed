import type { Directory, ResourceGuard } from '@countersign/contracts';
import { withScope } from '@countersign/runtime';
import { type Static, Type } from 'typebox';
import { peopleLookedAfter } from './looked-after.ts';

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
