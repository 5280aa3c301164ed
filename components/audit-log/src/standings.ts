import type { StandingRecord } from '@countersign/contracts';
import { parseDigest, parseId } from '@countersign/kernel';
import { createGroupCommit } from '@countersign/runtime';
import type { RecordedStanding } from './store/standings.ts';

/** Larger requests are sent alone. */
const few = 32;
const maxTogether = 64;

/** Batches requests that arrive while a query runs. An answer is never older than its request. */
export function createStandingQuestions(store: {
  newestStandings(subjects: readonly string[]): Promise<readonly RecordedStanding[]>;
}): (things: readonly string[]) => Promise<readonly RecordedStanding[]> {
  const together = createGroupCommit<readonly string[], readonly RecordedStanding[]>({
    maxBatch: maxTogether,
    maxQueued: 100_000,
    async flush(questions) {
      const found = await store.newestStandings([...new Set(questions.flat())]);
      const bySubject = new Map(found.map((row) => [row.subject, row]));
      return questions.map((things) => things.flatMap((thing) => bySubject.get(thing) ?? []));
    },
  });
  return (things) => (things.length > few ? store.newestStandings(things) : together.submit(things));
}

export function standingRecord({ recordId, index, digest }: RecordedStanding): StandingRecord {
  const record = parseId('record', recordId);
  const recorded = digest === null ? undefined : parseDigest(digest.toString('base64url'));
  if (record === undefined || (digest !== null && recorded === undefined))
    throw new Error('the database has a malformed standing');
  return { record, index, ...(recorded === undefined ? {} : { digest: recorded }) };
}
