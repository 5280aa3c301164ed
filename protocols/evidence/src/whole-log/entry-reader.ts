import { type Json, membersOf, parseInstant, parseJson } from '@countersign/kernel';
import { Frontier, hashLeaf } from '@countersign/merkle-log';
import { createAbsences, type PlaceRange, pruningOf } from './absences.ts';
import { createStreamCount } from './stream-count.ts';
import { statementTypes, streamPlaceOf } from './stream-statements.ts';
import { type LogFault, logFault, type PresentedEntry } from './whole-log.ts';

/** What an entry turned out to be. */
export type ReadEntry =
  | LogFault
  | {
      readonly ok: true;
      readonly leafHash: Buffer;
      /** The record; undefined where its body is absent, or is no record of ours. */
      readonly record: Readonly<Record<string, Json>> | undefined;
    };

/** Version and time have fixed places; a record of version 2 goes on with its stream. */
const head = /^\{"v":([12]),"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)",/;
const headLength = 128;

/**
 * Reads the entries of a log one by one, and holds each against all before it: hashes, places, times, the numbers of the
 * streams, and the words of the log about what it no longer keeps.
 *
 * @param leafHashes the leaf hashes of earlier places, by which a `log.pruned` record is checked; without it, its root is
 *   believed
 * @param foreignEntries counts entries that are no records of ours, and checks their hashes alone; otherwise they are a fault
 */
export function createEntryReader({
  leafHashes,
  foreignEntries = false,
}: {
  readonly leafHashes?: ((range: PlaceRange) => AsyncIterable<readonly Buffer[]>) | undefined;
  readonly foreignEntries?: boolean;
} = {}) {
  const streams = createStreamCount();
  const absences = createAbsences();
  let next = 0n;
  let lastTime = '';
  let foreign = 0;

  async function readRecord(index: bigint, text: string, leafHash: Buffer): Promise<ReadEntry> {
    const [, version, time] = head.exec(text.slice(0, headLength)) ?? [];
    // What begins as a record of ours has to be one; anything else was written by another implementation.
    if (foreignEntries && version === undefined) {
      foreign++;
      return { ok: true, leafHash, record: undefined };
    }
    const parsed = parseJson(text);
    const record = parsed.ok ? membersOf(parsed.value) : undefined;
    if (record === undefined || time === undefined || parseInstant(time) === undefined)
      return logFault('entry_altered', `Entry ${index} is not a record.`, index);
    // RFC 3339 in UTC with milliseconds, always of one length: the order of the text is the order of time.
    if (time < lastTime) return logFault('time_reversed', `Entry ${index} is older than the one before it.`, index);
    lastTime = time;
    if (version === '2') {
      const place = streamPlaceOf(text.slice(0, headLength));
      if (place === undefined)
        return logFault('entry_altered', `Entry ${index} does not say which process wrote it.`, index);
      const statement = statementTypes.includes(String(record['type'])) ? record : undefined;
      const wrong = streams.add(index, place, statement, absences.count());
      if (wrong !== undefined) return wrong;
    }
    const wrong = record['type'] === 'log.pruned' ? await checkPruning(index, record) : undefined;
    return wrong ?? { ok: true, leafHash, record };
  }

  async function checkPruning(index: bigint, record: Json): Promise<LogFault | undefined> {
    const pruning = pruningOf(record);
    if (pruning === undefined || pruning.ranges.some(({ past }) => past > index))
      return logFault('pruning_altered', `Entry ${index} does not say which bodies it lets go.`, index);
    absences.explain(pruning.ranges);
    if (leafHashes === undefined) return undefined;
    let frontier = Frontier.empty;
    for (const range of pruning.ranges)
      for await (const hashes of leafHashes(range)) frontier = frontier.append(hashes);
    return frontier.root().toString('base64url') === pruning.root
      ? undefined
      : logFault('pruning_altered', `Entry ${index} does not have the root over what it lets go.`, index);
  }

  return {
    async read({ index, bytes, leafHash, unread = false }: PresentedEntry): Promise<ReadEntry> {
      if (index !== next) return logFault('entry_missing', `There is no entry ${next}.`, next);
      next++;
      if (bytes === undefined) {
        if (leafHash === undefined) return logFault('entry_missing', `Of entry ${index} there is nothing.`, index);
        absences.add(index, !unread);
        return { ok: true, leafHash, record: undefined };
      }
      const computed = hashLeaf(bytes);
      if (leafHash !== undefined && !computed.equals(leafHash))
        return logFault('entry_altered', `Entry ${index} does not have the hash stored with it.`, index);
      return readRecord(index, bytes.toString(), computed);
    },

    /** When all have been read: what is absent and no record explains. */
    finish(): LogFault | undefined {
      const absent = absences.first();
      return absent === undefined
        ? undefined
        : logFault(
            'body_missing',
            `The body of entry ${absent} is gone, and no record says that it was pruned.`,
            absent,
          );
    },

    /** How many bodies are absent, how many of these were not to be had, and how many streams were not closed. */
    counts: () => ({ foreign, absent: absences.count(), unread: absences.unread(), openStreams: streams.open() }),
  };
}
