import type { AuditAppender, RecordDraft } from '@countersign/contracts';
import { type Clock, newId, type Random } from '@countersign/kernel';
import { createRounds, type Logger, type Rounds } from '@countersign/runtime';
import type { Stream } from './stream.ts';

export interface Source {
  /** Announces the process before any other record. */
  open(): Promise<void>;
  start(): void;
  last(): RecordDraft;
  stop(): Promise<void>;
}

/** Heartbeats while nothing else is recorded, so that silence is an alarm. @param beatEveryMs 0 for never */
export function createSource(dependencies: {
  readonly stream: Stream;
  readonly append: AuditAppender['append'];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly node: string;
  readonly beatEveryMs: number;
}): Source {
  const { stream, append, clock, random, logger, node, beatEveryMs } = dependencies;
  let beats: Rounds | undefined;
  let lastBefore = 0;

  function draft(type: 'source.opened' | 'source.beat' | 'source.closed'): RecordDraft {
    return { id: newId('record', { clock, random }), type, source: 'audit-log', outcome: 'done' };
  }

  async function beatIfIdle(): Promise<void> {
    const isIdle = stream.last === lastBefore;
    lastBefore = stream.last;
    if (!isIdle) return;
    try {
      await append(draft('source.beat'));
    } finally {
      // The beat itself is no activity.
      lastBefore = stream.last;
    }
  }

  return {
    async open() {
      await append({ ...draft('source.opened'), data: { node, beat_every_ms: beatEveryMs } });
      lastBefore = stream.last;
    },
    start() {
      if (beatEveryMs <= 0) return;
      beats = createRounds({ what: 'a beat of the audit log', work: beatIfIdle, logger, everyMs: beatEveryMs });
    },
    last: () => draft('source.closed'),
    async stop() {
      await beats?.stop();
    },
  };
}
