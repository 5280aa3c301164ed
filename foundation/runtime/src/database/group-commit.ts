import { databaseErrors } from './failure.ts';

export interface GroupCommitOptions<Item, Result> {
  /** Most items one flush gets. */
  readonly maxBatch: number;
  /** Most items that wait for a flush. One more is refused. */
  readonly maxQueued: number;
  /**
   * Makes all items durable, in their order, or none. One flush runs at a time.
   *
   * @returns one result per item, in order. An item that must fail alone gets a result that says so: a
   *   rejection rejects the whole batch.
   */
  readonly flush: (items: readonly Item[]) => Promise<readonly Result[]>;
}

export interface GroupCommit<Item, Result> {
  /**
   * @returns the item's result once its flush is done.
   * @throws what the flush threw; CodedError `overloaded` when the queue is full, `shutting_down` after {@link drain}.
   */
  submit(item: Item): Promise<Result>;
  /** Refuses further items, and resolves when all earlier ones have their result. */
  drain(): Promise<void>;
  /** Items that wait for a flush. */
  readonly queued: number;
}

const turnOfTheEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Group commit: what arrives while a flush is under way forms the next batch. A lone item is flushed at
 * once; under load the batch grows by itself until the flushes keep up. Before each flush the sockets that are
 * ready are read once, so that requests waiting there join it: fewer, fuller commits, and no timer.
 */
export function createGroupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  const { flush, maxBatch, maxQueued } = options;
  // Three arrays side by side, and one shared executor: a submit allocates its promise and nothing else.
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
