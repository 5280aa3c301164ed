import type { AuditAppender, RecordDraft } from '@countersign/contracts';
import { type CodedError, canonicalize, type Json, newId, sha256 } from '@countersign/kernel';
import { createRounds, type Logger, type Metrics, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { type EntrySeals, forgedMark } from '../seals/entry-seals.ts';
import { streamStore, watchAgain } from '../store/streams.ts';
import {
  type AlarmKind,
  nothingWatched,
  readWatched,
  type SourceAlarm,
  type WatchedStreams,
  type WatchLimits,
  watch,
  watchRuns,
} from './watched-streams.ts';

/** Follows the log and reports incomplete streams. */
export interface StreamMonitor {
  look(): Promise<void>;
  stop(): Promise<void>;
}

const markName = 'streams';

function markOf(through: bigint, watched: unknown): string {
  // Read from JSON.
  return `${through}\n${canonicalize(watched as Json)}`;
}

/** About a megabyte of heads if they must be read one by one. */
const pageSize = 8_000n;

const meanings: Readonly<Record<AlarmKind, string>> = {
  missing: 'records of this stream are missing from the audit log',
  repeated: 'a number of this stream is in the audit log twice',
  silent: 'this stream of the audit log is silent and was not closed: its process was killed, or cannot write',
  behind: 'records of this stream have a time before they can have been written',
  ahead: 'records of this stream have a time after they can have been written',
};

/** One process watches at a time. An alarm's id follows from its content, so that it is recorded once. */
export function createStreamMonitor(dependencies: {
  readonly pool: pg.Pool;
  readonly seals: Pick<EntrySeals, 'sealMark' | 'isSealedMark'>;
  /** Stops the whole log: the database was changed directly. */
  readonly condemn: (error: CodedError) => void;
  readonly append: AuditAppender['append'];
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'counter'> | undefined;
  readonly limits: WatchLimits;
}): StreamMonitor {
  const { pool, seals, condemn, append, logger, metrics, limits } = dependencies;
  const stopping = new AbortController();
  const counted = metrics?.counter(
    'countersign_log_source_alarms_total',
    'Alarms about streams of the audit log that this process has recorded',
    ['kind'],
  );

  async function lookAtPage(recorded: ReadonlySet<string>) {
    return transaction(pool, async (client) => {
      const store = streamStore(client);
      if (!(await store.tryTurn())) return { more: false, alarms: [] };
      await store.needNotBeDurable();
      const known = await store.watched();
      if (known === undefined) throw new Error('the row of the stream monitor is missing');
      // Null before the first look of a release with seals.
      if (known.seal !== null && !seals.isSealedMark(markName, markOf(known.through, known.watched), known.seal)) {
        const error = forgedMark('How far the streams of the log have been watched', watchAgain);
        condemn(error);
        throw error;
      }
      const found = readWatched(known.watched) ?? nothingWatched;
      const before = { ...found, alarms: found.alarms.filter((alarm) => !recorded.has(alarmId(alarm))) };
      const end = await store.end();
      const atEnd = end - known.through <= pageSize;
      const through = atEnd ? end : known.through + pageSize;
      const runs = through > known.through ? await store.runs(known.through, through) : undefined;
      const now = Math.floor((await store.timeOfDatabase()) / 1000);
      const look = { now, atEnd, limits };
      const after =
        (runs === undefined ? undefined : watchRuns(before, runs, look)) ??
        (await oneByOne(store, before, { ...look, from: known.through, through }));
      const kept = JSON.stringify(after);
      const seal = seals.sealMark(markName, markOf(through, JSON.parse(kept)));
      const isKept = await store.keep(known.through, through, kept, seal);
      return isKept ? { more: !atEnd, alarms: after.alarms } : { more: false, alarms: [] };
    });
  }

  async function oneByOne(
    store: ReturnType<typeof streamStore>,
    before: WatchedStreams,
    { from, through, ...look }: Parameters<typeof watchRuns>[2] & { readonly from: bigint; readonly through: bigint },
  ): Promise<WatchedStreams> {
    const records = through > from ? await store.records(from, through) : [];
    return watch(before, records, { ...look, whole: BigInt(records.length) === through - from });
  }

  async function record(alarm: SourceAlarm): Promise<void> {
    const draft: RecordDraft = {
      id: alarmId(alarm),
      type: 'source.alarm',
      source: 'audit-log',
      outcome: 'done',
      data: { ...alarm },
    };
    await append(draft);
    logger.error({ ...alarm }, meanings[alarm.kind]);
    counted?.inc({ kind: alarm.kind });
  }

  async function look(): Promise<void> {
    const recorded = new Set<string>();
    for (let more = true; more && !stopping.signal.aborted; ) {
      const page = await lookAtPage(recorded);
      // Alarms stay in the row until they are recorded, so that a crash loses none.
      for (const alarm of page.alarms) {
        if (recorded.has(alarmId(alarm))) continue;
        await record(alarm);
        recorded.add(alarmId(alarm));
      }
      more = page.more || page.alarms.length > 0;
    }
  }

  const rounds = createRounds({
    what: 'the watch over the streams of the audit log',
    work: look,
    logger,
    everyMs: limits.everyMs > 0 ? limits.everyMs : undefined,
  });

  return {
    look,
    async stop() {
      stopping.abort();
      await rounds.stop();
    },
  };
}

function alarmId(alarm: SourceAlarm): RecordDraft['id'] {
  const digest = sha256(`source.alarm\n${canonicalize(alarm)}`);
  return newId('record', { clock: { now: () => 0 }, random: { bytes: (size) => digest.subarray(0, size) } });
}
