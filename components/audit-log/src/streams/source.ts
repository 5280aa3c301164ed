import type { AuditAppender, RecordDraft } from '@countersign/contracts';
import { type Clock, newId, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { Stream } from './stream.ts';

/** What a process says of the stream of its records. */
export interface Source {
  /** Says who writes, before anything else is written. */
  open(): Promise<void>;
  /** Beats from now on. */
  start(): void;
  /** What is written last. */
  last(): RecordDraft;
  /** No more beats. */
  stop(): Promise<void>;
}

/**
 * Opens the stream of this process, and beats while nothing else is recorded, so that silence means that something is
 * wrong.
 *
 * @param node the name of this process's place in the installation, for the people who will look for it
 * @param beatEveryMs 0: never
 */
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
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<void> | undefined;
  let lastBefore = 0;

  function draft(type: 'source.opened' | 'source.beat' | 'source.closed'): RecordDraft {
    return { id: newId('record', { clock, random }), type, source: 'audit-log', outcome: 'done' };
  }

  async function beat(): Promise<void> {
    await append(draft('source.beat'));
  }

  function look(): void {
    const idle = stream.last === lastBefore;
    lastBefore = stream.last;
    if (beating !== undefined || !idle) return;
    beating = beat()
      .catch((error: unknown) => logger.warn({ error }, 'a beat of the audit log could not be recorded'))
      .finally(() => {
        beating = undefined;
        // The beat itself is no activity.
        lastBefore = stream.last;
      });
  }

  return {
    async open() {
      await append({ ...draft('source.opened'), data: { node, beat_every_ms: beatEveryMs } });
      lastBefore = stream.last;
    },
    start() {
      if (beatEveryMs > 0) timer = setInterval(look, beatEveryMs).unref();
    },
    last: () => draft('source.closed'),
    async stop() {
      clearInterval(timer);
      await beating;
    },
  };
}
