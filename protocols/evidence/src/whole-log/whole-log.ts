import { shown } from '../graph/record-view.ts';

/** At this entry, or after the last one before it. */
export interface LogFault {
  readonly ok: false;
  readonly reason: string;
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
export function logFault(reason: string, detail: string, index: bigint): LogFault {
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
