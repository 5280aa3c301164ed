import { type NumberRange, statementOf, streamPlaceOf } from '@countersign/evidence';
import { parseInstant, parseJson } from '@countersign/kernel';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { timePlace } from '../record-places.ts';
import type { StreamRuns, WatchedRecord } from '../store/streams.ts';

export const alarmKinds = ['missing', 'repeated', 'silent', 'behind', 'ahead'] as const;
export type AlarmKind = (typeof alarmKinds)[number];

export interface SourceAlarm {
  readonly kind: AlarmKind;
  readonly stream: string;
  readonly node: string;
  /** First and last number; for a silent stream, its last one. */
  readonly numbers: NumberRange;
  /** Where it was noticed; for a silent stream, its last record. */
  readonly place: string;
  /** Least error of the time, in milliseconds. */
  readonly off_by_ms?: number;
}

interface Watched {
  readonly node: string;
  readonly beatMs: number;
  readonly last: number;
  readonly place: string;
  /** The database's time. */
  readonly heardAt: number;
  readonly silent?: boolean;
  readonly offTime?: 'behind' | 'ahead';
}

/** Small enough to be stored with every page. */
export interface WatchedStreams {
  readonly streams: Readonly<Record<string, Watched>>;
  readonly alarms: readonly SourceAlarm[];
  /** The database's time when the end of the log was last reached; later records are not older. */
  readonly reachedAt?: number;
  /** The database's time. */
  readonly lookedAt?: number;
}

export interface WatchLimits {
  readonly everyMs: number;
  /** Tolerated error of a record's time. */
  readonly toleranceMs: number;
}

interface Look {
  /** The database's time, in milliseconds. */
  readonly now: number;
  readonly atEnd: boolean;
  readonly limits: WatchLimits;
}

/** Missed beats before a stream counts as silent. */
const beatsOfGrace = 3;
/** For a stream that has not declared its interval. */
const usualBeatMs = 10_000;
const maxSilent = 64;

export const nothingWatched: WatchedStreams = { streams: {}, alarms: [] };

/** @returns the new state, with alarms added */
export function watch(
  before: WatchedStreams,
  records: readonly WatchedRecord[],
  {
    now,
    atEnd,
    limits,
    whole = true,
  }: Look & {
    /** If bodies were pruned, a missing number may be theirs. */
    readonly whole?: boolean;
  },
): WatchedStreams {
  const alarms: SourceAlarm[] = [...before.alarms];
  const streams = awaited(before, now, limits);

  for (const record of records) {
    const origin = streamPlaceOf(record.head);
    if (origin === undefined) continue;
    const { stream: id, number } = origin;
    const body = record.body === null ? undefined : parseJson(record.body);
    const statement = body?.ok === true ? statementOf(body.value) : undefined;
    const place = record.index.toString();
    let stream: Watched = streams.get(id) ?? {
      node: '',
      beatMs: usualBeatMs,
      last: 0,
      place,
      heardAt: now,
    };
    if (statement?.type === 'source.opened') stream = { ...stream, node: statement.node, beatMs: statement.beatMs };
    const alarm = (kind: AlarmKind, numbers: NumberRange, more: Partial<SourceAlarm> = {}): void => {
      alarms.push({ kind, stream: id, node: stream.node, numbers, place, ...more });
    };

    if (number <= stream.last) alarm('repeated', [number, number]);
    else if (number > stream.last + 1 && whole) alarm('missing', [stream.last + 1, number - 1]);
    const { silent: _, ...heard } = stream;
    stream = { ...heard, last: Math.max(stream.last, number), place, heardAt: now };

    const off = offTime(timeOf(record.head), { since: before.reachedAt, now, toleranceMs: limits.toleranceMs });
    if (off !== undefined && off.kind !== stream.offTime) alarm(off.kind, [number, number], { off_by_ms: off.byMs });
    const { offTime: __, ...inTime } = stream;
    stream = off === undefined ? inTime : { ...inTime, offTime: off.kind };

    if (statement?.type === 'source.closed') streams.delete(id);
    else streams.set(id, stream);
  }

  return settle({ before, streams, alarms, now, atEnd, limits });
}

/** {@link watch} for totals. @returns undefined if each record must be examined */
export function watchRuns(
  before: WatchedStreams,
  { runs, earliest, latest }: StreamRuns,
  { now, atEnd, limits }: Look,
): WatchedStreams | undefined {
  const streams = awaited(before, now, limits);
  const bounds = { since: before.reachedAt, now, toleranceMs: limits.toleranceMs };
  if ([earliest, latest].some((time) => offTime(time, bounds) !== undefined)) return undefined;
  for (const { stream: id, first, last, count, sum, place } of runs) {
    const stream = streams.get(id);
    const inOrder = count === last - first + 1 && sum * 2n === BigInt(first + last) * BigInt(count);
    if (stream === undefined || stream.silent === true || first !== stream.last + 1 || !inOrder) return undefined;
    if (stream.offTime !== undefined) return undefined;
    streams.set(id, { ...stream, last, place: place.toString(), heardAt: now });
  }
  return settle({ before, streams, alarms: [...before.alarms], now, atEnd, limits });
}

/** Time in which the monitor did not look does not count as silence. */
function awaited(before: WatchedStreams, now: number, limits: WatchLimits): Map<string, Watched> {
  const away = Math.max(0, now - (before.lookedAt ?? now) - 2 * limits.everyMs);
  return new Map(
    Object.entries(before.streams).map(([id, stream]) => [id, { ...stream, heardAt: stream.heardAt + away }]),
  );
}

function settle(
  request: Look & {
    readonly before: WatchedStreams;
    readonly streams: Map<string, Watched>;
    readonly alarms: SourceAlarm[];
  },
): WatchedStreams {
  const { before, streams, alarms, now, atEnd, limits } = request;
  for (const [id, stream] of streams) {
    const grace = beatsOfGrace * stream.beatMs + limits.everyMs;
    // Streams with interval 0 may be silent.
    const overdue = stream.beatMs > 0 && now - stream.heardAt > grace;
    if (!atEnd || stream.silent === true || !overdue) continue;
    const { node, last, place } = stream;
    alarms.push({ kind: 'silent', stream: id, node, numbers: [last, last], place });
    streams.set(id, { ...stream, silent: true });
  }
  forgetLongSilent(streams);
  return {
    streams: Object.fromEntries(streams),
    alarms,
    lookedAt: now,
    ...(atEnd ? { reachedAt: now } : before.reachedAt === undefined ? {} : { reachedAt: before.reachedAt }),
  };
}

function forgetLongSilent(streams: Map<string, Watched>): void {
  const silent = [...streams].filter(([, { silent: is }]) => is === true);
  for (const [id] of silent.toSorted(([, a], [, b]) => a.heardAt - b.heardAt).slice(0, -maxSilent)) streams.delete(id);
}

function timeOf(head: string): number | undefined {
  return parseInstant(head.slice(timePlace.from - 1, timePlace.from - 1 + timePlace.length));
}

/** Records after the last reached end are not older than it, and none is younger than now. */
function offTime(
  recordedAt: number | undefined,
  {
    since,
    now,
    toleranceMs,
  }: { readonly since: number | undefined; readonly now: number; readonly toleranceMs: number },
): { readonly kind: 'behind' | 'ahead'; readonly byMs: number } | undefined {
  if (recordedAt === undefined) return undefined;
  if (recordedAt > now + toleranceMs) return { kind: 'ahead', byMs: recordedAt - now };
  if (since !== undefined && recordedAt < since - toleranceMs) return { kind: 'behind', byMs: since - recordedAt };
  return undefined;
}

const range = Type.Tuple([Type.Integer(), Type.Integer()]);
const watched = Compile(
  Type.Object({
    streams: Type.Record(
      Type.String(),
      Type.Object({
        node: Type.String(),
        beatMs: Type.Number(),
        last: Type.Integer(),
        place: Type.String(),
        heardAt: Type.Number(),
        silent: Type.Optional(Type.Boolean()),
        offTime: Type.Optional(Type.Enum(['behind', 'ahead'])),
      }),
    ),
    alarms: Type.Array(
      Type.Object({
        kind: Type.Enum([...alarmKinds]),
        stream: Type.String(),
        node: Type.String(),
        numbers: range,
        place: Type.String(),
        off_by_ms: Type.Optional(Type.Number()),
      }),
    ),
    reachedAt: Type.Optional(Type.Number()),
    lookedAt: Type.Optional(Type.Number()),
  }),
);

export function readWatched(json: unknown): WatchedStreams | undefined {
  return watched.Check(json) ? json : undefined;
}
