import {
  type EvidenceRecord,
  type LogCustody,
  type RecordDraft,
  retentionClasses,
  retentionClassOf,
  retentionErrors,
  type SubjectKey,
} from '@countersign/contracts';
import { type Clock, type RecordId, toInstant } from '@countersign/kernel';
import { isFoundBy, type MemoryLog } from '@countersign/testkit';

/** The custody functions of the log, over a log in memory. */
export interface SmallCustody extends LogCustody {
  /** Record ids whose bodies are removed. */
  readonly pruned: ReadonlySet<string>;
  readonly keys: Map<string, SubjectKey>;
  /** Called before the next batch is removed. */
  beforeSlice: (() => Promise<unknown>) | undefined;
  /** The next orders, this many, fail as if the process had died. */
  failures: number;
}

export function createSmallCustody(log: MemoryLog, clock: Clock): SmallCustody {
  const pruned = new Set<string>();
  const keys = new Map<string, SubjectKey>();
  const bodies = (of: string): readonly EvidenceRecord[] =>
    log.entries
      .map(({ record }) => record)
      .filter((record) => retentionClassOf(record.type) === of && !pruned.has(record.id));

  async function judged(asOf: bigint): Promise<void> {
    const hook = custody.beforeSlice;
    custody.beforeSlice = undefined;
    await hook?.();
    if (custody.failures > 0) {
      custody.failures -= 1;
      throw new Error('the process was killed');
    }
    const later = log.entries.some(
      ({ index, record }) => index > asOf && ['hold.placed', 'retention.changed'].includes(record.type),
    );
    if (later) throw retentionErrors.error('custody_outdated', 'A hold or a schedule came in between.');
  }
  /** A record of the log itself, which no writer could append. */
  const record = (type: 'log.pruned' | 'erasure.completed', members: Partial<RecordDraft>): RecordId =>
    log.write({ type, source: 'audit-log', ...members }).record.id;

  const custody: SmallCustody = {
    pruned,
    keys,
    beforeSlice: undefined,
    failures: 0,
    async survey(before, holds) {
      return retentionClasses.map((name) => {
        const there = bodies(name);
        const due = there.filter(({ time }) => Date.parse(time) < (before[name] ?? Number.NEGATIVE_INFINITY));
        const held = due.filter((one) => holds.some((scope) => isFoundBy(scope, one)));
        const [oldest] = there.map(({ time }) => time).toSorted();
        return {
          class: name,
          records: there.length,
          bytes: there.length * 700,
          due: due.length,
          held: held.length,
          ...(oldest === undefined ? {} : { oldest }),
        };
      });
    },
    async prune({ class: name, before, holds, asOf, authority, by }, onProgress) {
      const due = bodies(name).filter(({ time }) => Date.parse(time) < before);
      const going = due.filter((one) => !holds.some((scope) => isFoundBy(scope, one)));
      await judged(asOf);
      onProgress?.(going.length, going.length);
      for (const { id } of going) pruned.add(id);
      const held = due.length - going.length;
      const id = record('log.pruned', {
        subject: by,
        references: [authority],
        data: { class: name, count: going.length, held, needed: 0, complete: true },
      });
      return { class: name, pruned: going.length, held, needed: 0, records: [id] };
    },
    async keysOf(subject) {
      return [...keys.values()].filter((key) => key.subject === subject);
    },
    async heldKeys(wanted, holds) {
      return holds.filter(({ person, institution }) =>
        wanted.some((key) => [person, institution].includes(keys.get(key)?.subject ?? '-')),
      );
    },
    async settle() {},
    async erase({ keys: wanted, asOf, authority, by }) {
      await judged(asOf);
      const values = wanted.reduce((sum, key) => sum + (keys.get(key)?.values ?? 0), 0);
      record('erasure.completed', { subject: by, references: [authority], data: { keys: wanted, values } });
      for (const key of wanted) {
        const found = keys.get(key);
        if (found !== undefined) keys.set(key, { ...found, values: 0, erasedAt: toInstant(clock.now()) });
      }
      return values;
    },
  };
  return custody;
}
