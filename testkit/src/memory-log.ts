import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AuditAppender,
  type AuditLog,
  auditLogErrors,
  completeDraft,
  type EvidenceRecord,
  type LogEntry,
  type RecordDraft,
  type RecordReceipt,
  recordTypes,
  requireFit,
} from '@countersign/contracts';
import {
  type Clock,
  canonicalize,
  defined,
  newId,
  parseDigest,
  parseId,
  systemRandom,
  toInstant,
} from '@countersign/kernel';
import { withoutHeldConnection } from '@countersign/runtime';
import { isFoundBy } from './evidence-query-in.ts';
import { lastUnderIn, standingsIn, standingsUnderIn } from './standings-in.ts';

type Breakage = 'reading' | 'writing' | 'finding';

/**
 * The audit log in memory, with faults on demand. `describeAuditLog` tests it against the same contract as the real one. It has
 * no tree, and no commitments instead of protected values.
 */
export interface MemoryLog
  extends Pick<
    AuditLog,
    'append' | 'standings' | 'standingsUnder' | 'lastUnder' | 'find' | 'search' | 'query' | 'newest' | 'scan' | 'count'
  > {
  readonly entries: readonly LogEntry[];
  /** The records as readers get them, without the members that the log adds. */
  readonly records: readonly RecordDraft[];
  /** The drafts as appended, with protected values separate from the open part. */
  readonly drafts: readonly RecordDraft[];
  ofType(type: RecordDraft['type']): readonly EvidenceRecord[];
  /** @throws Error when nothing was recorded */
  last(): RecordDraft;
  readonly reads: { readonly scans: number; readonly searches: number };
  /** Writes a made-up record without validation. @returns its entry */
  write(draft: Partial<RecordDraft> & Pick<RecordDraft, 'type'>): LogEntry;
  /**
   * Makes operations fail from now on, all of them by default. `finding`: look-ups of standings fail.
   *
   * @param which the records that cannot be written; all by default
   */
  breakDown(what?: Breakage, which?: (draft: RecordDraft) => boolean): void;
  repair(): void;
  /** Rewrites existing drafts: each is replaced by the returned draft, or removed. */
  rewrite(change: (draft: RecordDraft) => RecordDraft | undefined): void;
  /** Runs once, right after the next record is durable and before its writer gets the receipt. */
  afterNextAppend(act: () => Promise<void>): void;
}

export interface MemoryLogOptions {
  /** A real log that also receives every record and supplies the receipts. */
  readonly behind?: AuditAppender | undefined;
  /** Sources whose records are validated against their schemas; all but `test` by default. */
  readonly checked?: readonly string[];
  /** Accept references to records that do not exist; by default they are refused. */
  readonly anyReferences?: true;
}

/** A record as the log holds it, beside the text of its leaf and of all that it says. */
interface Held {
  readonly entry: LogEntry;
  readonly leaf: string;
  readonly says: string;
}

const most = 1_000;
const longestRecord = 65_535;
const knownTypes: ReadonlySet<string> = new Set(recordTypes);
const membersOfTheLog = ['v', 'time', 'stream', 'number', 'clock', 'protected'];

export function createMemoryLog(clock: Clock, { behind, checked, anyReferences }: MemoryLogOptions = {}): MemoryLog {
  const held: Held[] = [];
  const entries: LogEntry[] = [];
  const records: RecordDraft[] = [];
  const drafts: RecordDraft[] = [];
  const ids = new Map<string, Held>();
  const broken = new Map<Breakage, ((draft: RecordDraft) => boolean) | undefined>();
  const stream = newId('stream', { clock, random: systemRandom });
  const reads = { scans: 0, searches: 0 };
  let lastTime = 0;
  let after: (() => Promise<void>) | undefined;

  function mustWork(what: 'reading' | 'writing', draft?: RecordDraft): void {
    const which = broken.get(what);
    if (broken.has(what) && (which === undefined || draft === undefined || which(draft)))
      throw auditLogErrors.error('log_unavailable', 'The log cannot be asked now.');
  }
  function hold(draft: RecordDraft, time: string): Held {
    const before = { v: 2 as const, time, stream, number: held.length + 1 };
    const record = JSON.parse(JSON.stringify(completeDraft(draft))) as RecordDraft;
    const open = openPartOf(draft);
    const one: Held = {
      entry: { index: BigInt(held.length), record: { ...before, ...record } },
      leaf: JSON.stringify({ ...before, ...open }),
      says: canonicalize([open, record]),
    };
    held.push(one);
    entries.push(one.entry);
    records.push(record);
    drafts.push(structuredClone(draft));
    ids.set(record.id, one);
    return one;
  }
  const receiptOf = ({ entry: { index, record } }: Held): RecordReceipt => ({
    id: record.id,
    index,
    time: record.time,
  });
  async function read<Answer>(answer: () => Answer): Promise<Answer> {
    mustWork('reading');
    return answer();
  }
  const inRange = ({ types, from, until }: Parameters<AuditLog['count']>[0]): Held[] =>
    held.filter(({ entry: { record } }) => isFoundBy({ types, ...limitsOf(from, until) }, record));

  return {
    reads,
    entries,
    records,
    drafts,
    ofType: (type) => entries.map(({ record }) => record).filter((record) => record.type === type),
    last() {
      const newest = records.at(-1);
      if (newest === undefined) throw new Error('nothing was recorded');
      return newest;
    },
    write: (draft) =>
      hold(
        { id: newId('record', { clock, random: systemRandom }), source: 'test', outcome: 'done', ...draft },
        toInstant(clock.now()),
      ).entry,
    async append(given) {
      const draft = structuredClone(given);
      checkMembers(draft);
      if (checked?.includes(draft.source) !== false) requireFit(draft);
      if (anyReferences === undefined)
        for (const reference of draft.references ?? [])
          if (!ids.has(reference)) throw new Error(`${draft.type} rests on ${reference}, which is not in the log`);
      const open = openPartOf(draft);
      const says = canonicalize([open, JSON.parse(JSON.stringify(completeDraft(draft)))]);
      if (Buffer.byteLength(JSON.stringify(open)) > longestRecord)
        throw auditLogErrors.error('record_too_large', 'A record of the audit log is at most 65,535 bytes long.');
      // Respond later, so that callers that fail to wait are detected.
      await sleep(1);
      mustWork('writing', draft);
      const known = ids.get(draft.id);
      if (known !== undefined && known.says !== says)
        throw auditLogErrors.error('record_identity_taken', 'The log holds another record under this id.');
      if (known !== undefined) return receiptOf(known);
      const receipt = await behind?.append(draft);
      lastTime = Math.max(lastTime, clock.now());
      const placed = hold(draft, receipt?.time ?? toInstant(lastTime));
      const act = after;
      after = undefined;
      if (act !== undefined) await withoutHeldConnection(act);
      return receipt ?? receiptOf(placed);
    },
    standings: (things) =>
      read(() => {
        checkNumber(things.length);
        return standingsIn(records, things);
      }),
    standingsUnder: (prefix, page) =>
      read(() => standingsUnderIn(records, prefix, { ...page, limit: Math.min(page.limit, most) })),
    lastUnder: (prefixes) =>
      read(() => {
        checkNumber(prefixes.length);
        return lastUnderIn(records, prefixes);
      }),
    find: (id) => read(() => ids.get(id)?.entry),
    async search({ transaction, type, types, after: behindPlace = -1n, limit = most, withheld }) {
      if (type !== undefined && types !== undefined)
        throw new Error('records are searched by one type or by several, not by both');
      mustWork('reading');
      reads.searches += 1;
      const wanted = type === undefined ? types : [type];
      return held
        .filter(
          ({ entry: { index, record } }) =>
            index > behindPlace &&
            (wanted === undefined || wanted.includes(record.type)) &&
            (transaction === undefined || record.transaction === transaction),
        )
        .slice(0, Math.min(limit, most))
        .map(({ entry, leaf }) =>
          withheld === true ? { index: entry.index, record: JSON.parse(leaf) as EvidenceRecord } : entry,
        );
    },
    async query({ after: behindPlace = -1n, limit = most, ...asked }) {
      mustWork('reading');
      if (broken.has('finding')) throw auditLogErrors.error('query_behind', 'The index is far behind the log.');
      return entries
        .filter(({ index, record }) => index > behindPlace && isFoundBy(asked, record))
        .slice(0, Math.min(limit, most));
    },
    newest: (types) => read(() => entries.findLast(({ record }) => types.includes(record.type))?.index ?? -1n),
    async scan({ after: behindPlace = -1n, limit, ...range }) {
      mustWork('reading');
      reads.scans += 1;
      return inRange(range)
        .filter(({ entry: { index } }) => index > behindPlace)
        .slice(0, Math.min(limit, most))
        .map(({ entry: { index }, leaf }) => ({ index, text: leaf }));
    },
    count: (range) => read(() => inRange(range).length),
    breakDown(what, which) {
      for (const each of what === undefined ? (['reading', 'writing'] as const) : [what]) broken.set(each, which);
    },
    repair: () => broken.clear(),
    rewrite(change) {
      const rewritten = drafts.flatMap((draft, place) => {
        const changed = change(draft);
        return changed === undefined ? [] : [{ draft: changed, time: entries[place]?.record.time ?? '' }];
      });
      for (const each of [held, entries, records, drafts]) each.length = 0;
      ids.clear();
      for (const { draft, time } of rewritten) hold(draft, time);
    },
    afterNextAppend(act) {
      after = act;
    },
  };
}

function limitsOf(from: number | undefined, until: number | undefined) {
  return defined({ from, until });
}

function checkNumber(asked: number): void {
  if (asked > most) throw new Error(`more than ${most} things were asked for at once`);
}

/** The draft as in the leaf, without restricted values. */
function openPartOf(draft: RecordDraft): RecordDraft {
  const { protectedValues: _protected, address: _address, ...open } = draft;
  return JSON.parse(JSON.stringify(open)) as RecordDraft;
}

function checkMembers(draft: RecordDraft): void {
  const { id, type, transaction, standing = [] } = draft;
  if (membersOfTheLog.some((name) => name in draft))
    throw new Error(`the members ${membersOfTheLog.join(', ')} of a record are set by the log`);
  if (
    parseId('record', id) === undefined ||
    !knownTypes.has(type) ||
    (transaction !== undefined && parseId('transaction', transaction) === undefined)
  )
    throw new Error(`a draft of type ${type} does not have the id, type or transaction of a record`);
  if (
    standing.length > most ||
    new Set(standing.map(({ of }) => of)).size < standing.length ||
    standing.some(({ of, digest }) => !/^[!-~]{1,256}$/.test(of) || (digest !== undefined && !parseDigest(digest)))
  )
    throw new Error(`a draft of type ${type} has a repeated or malformed standing`);
}
