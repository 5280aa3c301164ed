import type { RegistryLog } from '../proof/proven-store.ts';
import type { StoredException } from '../store.ts';

/** Principal ids of everybody who had a hand in a transaction, those included through whom others acted. */
export interface Participants {
  /** Who has carried it on. */
  readonly carriers: readonly string[];
  /** Who asked for what raised the exception. */
  readonly raisers: readonly string[];
}

/** Reads them from the log: rows name who acted, and not through whom. */
export async function participantsOf(
  { transaction, recordId }: Pick<StoredException, 'transaction' | 'recordId'>,
  log: Pick<RegistryLog, 'search'>,
): Promise<Participants> {
  const types = ['transaction.transitioned', 'exception.raised'] as const;
  const records = (await log.search({ transaction, types, withheld: true })).map(({ record }) => record);
  const people = (of: readonly (typeof records)[number][]) =>
    of.flatMap(({ subject, actors = [] }) => [
      ...(subject === undefined ? [] : [subject.id]),
      ...actors.map(({ id }) => id),
    ]);
  return {
    carriers: people(records.filter(({ type }) => type === 'transaction.transitioned')),
    raisers: people(records.filter(({ id }) => id === recordId)),
  };
}
