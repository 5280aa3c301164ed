import { shown } from '../graph/record-view.ts';

/** What a verification of the whole log can find. */
export type LogFaultReason =
  | 'body_missing'
  | 'body_unexpected'
  | 'checkpoint_altered'
  | 'checkpoint_stale'
  | 'checkpoint_unexpected'
  | 'checkpoint_unknown'
  | 'column_altered'
  | 'cosignature_altered'
  | 'entry_altered'
  | 'entry_missing'
  | 'history_forked'
  | 'key_altered'
  | 'key_missing'
  | 'number_missing'
  | 'number_repeated'
  | 'pruning_altered'
  | 'published_altered'
  | 'root_differs'
  | 'standing_altered'
  | 'standing_unexpected'
  | 'tile_altered'
  | 'tile_missing'
  | 'tile_unexpected'
  | 'time_reversed'
  | 'value_altered'
  | 'value_missing'
  | 'value_unexpected';

/** At this entry, or after the last one before it. */
export interface LogFault {
  readonly ok: false;
  readonly reason: LogFaultReason;
  readonly detail: string;
  readonly index: bigint;
}

export interface SoundLog {
  readonly ok: true;
  readonly size: bigint;
  readonly root: Buffer;
  readonly pruned: number;
  /** Their process still runs or was killed. */
  readonly openStreams: number;
}

/** @param detail may contain text from the log, which is escaped */
export function logFault(reason: LogFaultReason, detail: string, index: bigint): LogFault {
  return { ok: false, reason, detail: shown(detail, Number.POSITIVE_INFINITY), index };
}

export interface PresentedEntry {
  readonly index: bigint;
  /** Exact bytes. */
  readonly bytes: Buffer | undefined;
  /** As stored; computed if absent. */
  readonly leafHash?: Buffer;
  /** Unreadable: it is unknown whether the bytes still exist. */
  readonly unread?: boolean;
}
