import { type BesideRecord, ordered, type TermAt } from './custody.ts';
import type { Queryable } from './queryable.ts';

/** What the role that removes evidence can do: all of it through functions of the database that believe records alone. */
export function removalStore(database: Queryable) {
  return {
    /** Places of removals that are recorded and not done. */
    async pending(): Promise<readonly bigint[]> {
      const { rows } = await database.query<{ at: string }>('select at from pending() as at');
      return rows.map(({ at }) => BigInt(at));
    },

    /** @throws CodedError as the contract says */
    async pruneBodies(removal: bigint, values: readonly BesideRecord[]): Promise<void> {
      await ordered(() =>
        database.query('select prune_bodies($1, $2, $3)', [
          removal,
          values.map(({ key }) => key),
          values.map(({ record }) => record),
        ]),
      );
    },

    /** @throws CodedError as the contract says */
    async eraseKeys(removal: bigint): Promise<void> {
      await ordered(() => database.query('select erase_keys($1)', [removal]));
    },

    /** Takes terms of bodies that are gone out of the index, page by page as nothing is left there. */
    async forgetTerms(terms: readonly TermAt[]): Promise<void> {
      await database.query('select forget_terms($1, $2)', [
        terms.map(({ term }) => term.toString()),
        terms.map(({ index }) => index.toString()),
      ]);
    },
  };
}

export type RemovalStore = ReturnType<typeof removalStore>;
