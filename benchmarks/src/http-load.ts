import {
  type Answer,
  type ClientIdentity,
  type Connection,
  connectionBroken,
  openConnection,
  requireSuccess,
} from './http-connection.ts';

interface Target {
  readonly name: string;
  readonly url: string;
  readonly connections: number;
  /** Client identities of `https:` connections, assigned in rotation. Items rotate the same way. */
  readonly identities?: readonly ClientIdentity[] | undefined;
}

export interface LoadResult {
  readonly seconds: number;
  /** In the order of the items. */
  readonly latenciesMs: Float64Array;
}

/** Longer than any round. It ends the run if the server stops answering. */
const timeLimitMs = 60_000;

/**
 * Sends every request once over keep-alive connections, with one request in flight on each (a closed loop).
 *
 * @param load.complaint throws, or returns the problem, if an answer is not a success
 * @throws CodedError `benchmark_answer` at the first answer that is not a success, `benchmark_connection` if a connection ends
 * or the time limit is reached
 */
export function sendAll({
  requests,
  complaint,
  ...target
}: Target & {
  readonly requests: readonly Buffer[];
  readonly complaint: (answer: Answer) => string | undefined;
}): Promise<LoadResult> {
  return performAll({
    ...target,
    items: requests,
    async perform(request, connection) {
      const answer = await connection.ask(request);
      requireSuccess(target.name, answer, complaint(answer));
    },
  });
}

/**
 * Runs work for every item over keep-alive connections, with one item in progress on each: for work that needs several
 * requests, or depends on the previous answer.
 *
 * @throws what the work throws, and CodedError `benchmark_connection`
 */
export async function performAll<Item>({
  name,
  url,
  connections,
  identities = [],
  items,
  perform,
}: Target & {
  readonly items: readonly Item[];
  readonly perform: (item: Item, connection: Connection) => Promise<void>;
}): Promise<LoadResult> {
  const latenciesMs = new Float64Array(items.length);
  const lanes = Math.max(1, identities.length);
  const next = Array.from({ length: lanes }, (_, lane) => lane);
  async function drive(connection: Connection, lane: number): Promise<void> {
    for (;;) {
      const index = next[lane] ?? items.length;
      const item = items[index];
      if (item === undefined) return;
      next[lane] = index + lanes;
      const startedAt = performance.now();
      await perform(item, connection);
      latenciesMs[index] = performance.now() - startedAt;
    }
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = connectionBroken(name, `did not finish within ${timeLimitMs / 1000} s`);
    timer = setTimeout(() => reject(error), timeLimitMs);
  });
  late.catch(() => undefined);
  const opening = Array.from({ length: Math.min(connections, items.length) }, (_, index) =>
    openConnection(name, url, identities[index % lanes]),
  );
  try {
    const open = await Promise.race([Promise.all(opening), late]);
    const began = performance.now();
    await Promise.race([Promise.all(open.map((connection, index) => drive(connection, index % lanes))), late]);
    return { seconds: (performance.now() - began) / 1000, latenciesMs };
  } finally {
    clearTimeout(timer);
    for (const connection of opening)
      connection.then(
        ({ close }) => close(),
        () => undefined,
      );
  }
}
