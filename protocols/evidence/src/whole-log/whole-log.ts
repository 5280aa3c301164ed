import { shown } from '../graph/record-view.ts';

/** What is wrong with a log, and where: at this entry, or behind the last one before it. */
export interface LogFault {
  readonly ok: false;
  readonly reason: string;
  readonly detail: string;
  readonly index: bigint;
}

/** A log in which everything is as it must be. */
export interface SoundLog {
  readonly ok: true;
  readonly size: bigint;
  readonly root: Buffer;
  /** Entries of which only the hash is there, as the log said beforehand. */
  readonly pruned: number;
  /** Streams that were not closed: of a process that runs, or was killed. */
  readonly openStreams: number;
}

/** @param detail may hold what the log holds: it comes out without what draws on a terminal */
export function logFault(reason: string, detail: string, index: bigint): LogFault {
  return { ok: false, reason, detail: shown(detail, Number.POSITIVE_INFINITY), index };
}

/** An entry as somebody presents it. Where the body is absent, its leaf hash stands for it. */
export interface PresentedEntry {
  readonly index: bigint;
  /** The exact bytes of the record. */
  readonly bytes: Buffer | undefined;
  /** As it is stored beside it; computed where it is not given. */
  readonly leafHash?: Buffer;
  /** The bytes were not to be had: whether they are still there nobody has said. */
  readonly unread?: boolean;
}
