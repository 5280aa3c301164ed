import { databaseErrors } from './failure.ts';

export interface GroupCommitOptions<Item, Result> {
  readonly maxBatch: number;
  /** Maximum number of waiting items; further ones are refused. */
  readonly maxQueued: number;
  /**
   * Makes all items durable, in order, or none. One flush runs at a time.
   *
   * @returns one result for each item, in order. An item that fails alone gets a result that reports it; a rejection rejects the
   * whole batch.
   */
  readonly flush: (items: readonly Item[]) => Promise<readonly Result[]>;
}

export interface GroupCommit<Item, Result> {
  /**
   *
   * @returns the item's result once its flush is done
   * @throws the error of the flush; CodedError `overloaded` when the queue is full, `shutting_down` after {@link drain}
   */
  submit(item: Item): Promise<Result>;
  /** Refuses further items, and resolves when all earlier ones have a result. */
  drain(): Promise<void>;
  /** Number of items waiting for a flush. */
  readonly queued: number;
}

const turnOfTheEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Group commit: items that arrive during a flush form the next batch. A single item is flushed at once; under load the batches
 * grow until the flushes keep up. Before each flush, ready sockets are read once, so that waiting requests join the batch. This
 * gives fewer, larger commits without a timer.
 */
export function createGroupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  const { flush, maxBatch, maxQueued } = options;
  // Three parallel arrays and one shared executor, so that a submit allocates only its promise.
  let items: Item[] = [];
  let resolves: ((result: Result) => void)[] = [];
  let rejects: ((error: unknown) => void)[] = [];
  let running: Promise<void> | undefined;
  let draining = false;

  const enqueue = (resolve: (result: Result) => void, reject: (error: unknown) => void): void => {
    resolves.push(resolve);
    rejects.push(reject);
  };

  async function flushAll(): Promise<void> {
    while (items.length > 0) {
      await turnOfTheEventLoop();
      await flushBatch();
    }
    running = undefined;
  }

  async function flushBatch(): Promise<void> {
    let batch: Item[];
    let batchResolves: ((result: Result) => void)[];
    let batchRejects: ((error: unknown) => void)[];
    if (items.length <= maxBatch) {
      [batch, batchResolves, batchRejects] = [items, resolves, rejects];
      [items, resolves, rejects] = [[], [], []];
    } else {
      [batch, batchResolves, batchRejects] = [
        items.splice(0, maxBatch),
        resolves.splice(0, maxBatch),
        rejects.splice(0, maxBatch),
      ];
    }
    try {
      const results = await flush(batch);
      if (results.length !== batch.length)
        throw new Error(`a flush of ${batch.length} items returned ${results.length} results`);
      // One result for each item, as checked.
      for (let index = 0; index < results.length; index++) batchResolves[index]?.(results[index] as Result);
    } catch (error) {
      for (const reject of batchRejects) reject(error);
    }
  }

  return {
    submit(item) {
      if (draining)
        return Promise.reject(databaseErrors.error('shutting_down', 'The server is shutting down. Try again.'));
      if (items.length >= maxQueued)
        return Promise.reject(
          databaseErrors.error('overloaded', 'More requests arrive than can be made durable. Try again shortly.'),
        );
      const promise = new Promise<Result>(enqueue);
      items.push(item);
      running ??= flushAll();
      return promise;
    },
    async drain() {
      draining = true;
      await running;
    },
    get queued() {
      return items.length;
    },
  };
}
