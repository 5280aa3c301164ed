import { MessageChannel, type Worker } from 'node:worker_threads';
import { type RecordStream, readPointer } from '@countersign/contracts';
import { databaseErrors, dropPresetsStatement, type Logger, startThread, workerFile } from '@countersign/runtime';
import type pg from 'pg';
import { logUnavailable } from '../availability.ts';
import type { OpenedValue, Protection } from '../protection/protection.ts';
import { connectionBeside, connectionVariables } from '../store/bulk-reader.ts';
import { detailOf, type FromKeeper, type StreamTask, type ToKeeper } from './thread-messages.ts';

/** Each has a thread, a connection and some megabytes. */
const maxStreams = 4;
const maxValues = 8;

export interface RecordStreams {
  /** @param values at most 8 JSON pointers @throws CodedError `overloaded`; `log_unavailable` once stopped */
  open(stretch: StreamTask['stretch'], values: readonly string[]): RecordStream;
  stop(): Promise<void>;
}

/** Each stream has a thread and a connection of its own. */
export function createRecordStreams(dependencies: {
  /** Only its configuration is used. */
  readonly pool: pg.Pool;
  readonly protection: Protection;
  readonly logger: Logger;
}): RecordStreams {
  const { pool, protection, logger } = dependencies;
  const running = new Set<Worker>();
  let stopped = false;

  function startReading(task: StreamTask): Worker {
    const thread = startThread(workerFile(import.meta.url, './stream-worker.ts'), {
      name: 'record-stream',
      workerData: task,
      transferList: [task.consumer],
      env: connectionVariables(process.env),
      resourceLimits: { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 512 },
    });
    running.add(thread);
    thread.on('message', (asked: ToKeeper) => {
      // Never rejects: a failure is an answer.
      void keepKeys(protection, asked).then((answer) => thread.postMessage(answer));
    });
    // Must be last: adding a listener keeps the process alive again.
    thread.unref();
    thread.on('error', (error) => logger.error({ error }, 'the thread of a stream of records has died'));
    thread.on('exit', () => running.delete(thread));
    return thread;
  }

  return {
    open(stretch, values) {
      if (values.length > maxValues || new Set(values).size < values.length)
        throw new Error(`a stream is asked for at most ${maxValues} values, each once`);
      for (const path of values)
        if (readPointer(path) === undefined) throw new Error(`${path} is not a JSON pointer to a value`);
      if (stopped) throw logUnavailable(new Error('the log has been stopped'));
      if (running.size >= maxStreams)
        throw databaseErrors.error(
          'overloaded',
          'Too much of the log is being read at this moment. Try again shortly.',
        );
      const connection = connectionBeside(pool, 'record stream', dropPresetsStatement);
      const { port1: port, port2: consumer } = new MessageChannel();
      const thread = startReading({ connection, stretch, values, consumer });
      return {
        port,
        async stop() {
          await thread.terminate();
        },
      };
    },
    async stop() {
      stopped = true;
      await Promise.all([...running].map((thread) => thread.terminate()));
    },
  };
}

/** Lends keys to a stream's thread, and opens what it could not. Sealing keys never leave this thread. */
export async function keepKeys(protection: Pick<Protection, 'lend' | 'open'>, asked: ToKeeper): Promise<FromKeeper> {
  const { question } = asked;
  try {
    switch (asked.ask) {
      case 'keys':
        return { question, answer: 'lent', lent: await protection.lend(new Set(asked.ids)) };
      case 'open':
        return { question, answer: 'opened', texts: (await protection.open(asked.records)).map(textsOf) };
      default:
        return asked satisfies never;
    }
  } catch (error) {
    return { question, answer: 'failed', detail: detailOf(error) };
  }
}

function textsOf(values: readonly OpenedValue[]): ReadonlyMap<string, string> {
  return new Map(values.flatMap((value) => (value.state === 'open' ? [[value.path, value.text] as const] : [])));
}
