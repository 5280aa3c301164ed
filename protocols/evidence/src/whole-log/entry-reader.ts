import { type Json, membersOf, parseInstant, parseJson } from '@countersign/kernel';
import { Frontier, hashLeaf } from '@countersign/merkle-log';
import { createAbsences, type PlaceRange, pruningOf } from './absences.ts';
import { createStreamCount } from './stream-count.ts';
import { statementTypes, streamPlaceOf } from './stream-statements.ts';
import { type LogFault, logFault, type PresentedEntry } from './whole-log.ts';

export type ReadEntry =
  | LogFault
  | {
      readonly ok: true;
      readonly leafHash: Buffer;
      /** Undefined if its body is absent or foreign. */
      readonly record: Readonly<Record<string, Json>> | undefined;
    };

/** Version and time have fixed places. */
const head = /^\{"v":([12]),"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)",/;
const headLength = 128;

/** @param leafHashes to check `log.pruned` records @param foreignEntries checks only hashes of other entries */
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
    // An entry that begins like a record must be one.
    if (foreignEntries && version === undefined) {
      foreign++;
      return { ok: true, leafHash, record: undefined };
    }
    const parsed = parseJson(text);
    const record = parsed.ok ? membersOf(parsed.value) : undefined;
    if (record === undefined || time === undefined || parseInstant(time) === undefined)
      return logFault('entry_altered', `Entry ${index} is not a record.`, index);
    // Constant length, so text order is time order.
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

    /** To be called after the last entry. */
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

    counts: () => ({ foreign, absent: absences.count(), unread: absences.unread(), openStreams: streams.open() }),
  };
}
