import type { Socket } from 'node:net';
import {
  type Answer,
  type ClientIdentity,
  type Connection,
  connectionBroken,
  createAnswerReader,
  openConnection,
  openSocket,
  unsuccessful,
} from './http-connection.ts';

/** The target of the load, and its concurrency. */
interface Target {
  readonly name: string;
  readonly url: string;
  readonly connections: number;
}

export interface Load extends Target {
  /** Complete requests as bytes, prepared in advance and each sent once. */
  readonly requests: readonly Buffer[];
  /**
   * Client identities of `https:` connections, assigned in rotation. Requests rotate the same way, so that each is sent by the
   * client for which it was prepared.
   */
  readonly identities?: readonly ClientIdentity[] | undefined;
  /** Throws, or returns the problem, if an answer is not a success. */
  readonly complaint: (answer: Answer) => string | undefined;
}

export interface LoadResult {
  readonly seconds: number;
  /** In the order of the requests. */
  readonly latenciesMs: Float64Array;
}

/** Longer than any round. It ends the run if the server stops answering. */
const timeLimitMs = 60_000;

/**
 * Sends every request over keep-alive connections, with one request in flight on each (a closed loop).
 * It uses bare sockets, because the client shares the machine with the measured server and must be cheap.
 *
 * @throws CodedError `benchmark_answer` at the first answer that is not a success, `benchmark_connection` if a connection ends
 * or the time limit is reached
 */
export async function sendAll(load: Load): Promise<LoadResult> {
  const { requests, identities = [] } = load;
  const latenciesMs = new Float64Array(requests.length);
  const lanes = Math.max(1, identities.length);
  /** The next request of each lane. */
  const next = Array.from({ length: lanes }, (_, lane) => lane);
  const sockets: Socket[] = [];
  const limit = timeLimit(load.name);

  function drive(socket: Socket, lane: number): Promise<void> {
    return new Promise((resolve) => {
      let sentAt = 0;
      let index = 0;
      const reader = createAnswerReader();
      const sendNext = (): void => {
        index = next[lane] ?? requests.length;
        const request = requests[index];
        if (request === undefined) {
          resolve();
          return;
        }
        next[lane] = index + lanes;
        sentAt = performance.now();
        socket.write(request);
      };
      socket.on('data', (chunk) => {
        let answer: Answer | undefined;
        try {
          answer = reader.push(chunk);
        } catch (error) {
          return limit.fail(error instanceof Error ? error : new Error(String(error)));
        }
        if (answer === undefined) return;
        latenciesMs[index] = performance.now() - sentAt;
        const complaint = load.complaint(answer);
        if (complaint !== undefined) return limit.fail(unsuccessful(load.name, answer, complaint));
        sendNext();
      });
      socket.on('error', (error) => limit.fail(connectionBroken(load.name, error.message)));
      socket.on('close', () => limit.fail(connectionBroken(load.name, 'a connection was closed')));
      sendNext();
    });
  }

  try {
    const connecting = Array.from({ length: Math.min(load.connections, requests.length) }, (_, index) =>
      openSocket(load.url, identities[index % lanes], sockets),
    );
    const open = await Promise.race([Promise.all(connecting), limit.failed]);
    const began = performance.now();
    await Promise.race([Promise.all(open.map((socket, index) => drive(socket, index % lanes))), limit.failed]);
    return { seconds: (performance.now() - began) / 1000, latenciesMs };
  } finally {
    limit.stop();
    for (const socket of sockets) {
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
    }
  }
}

/**
 * Runs work for every item over keep-alive connections, with one item in progress on each: for work that needs several
 * requests, or depends on the previous answer.
 *
 * @throws what the work throws, and CodedError `benchmark_connection`
 */
export async function performAll<Item>(
  target: Target & {
    readonly items: readonly Item[];
    readonly perform: (item: Item, connection: Connection) => Promise<void>;
  },
): Promise<LoadResult> {
  const { name, url, items, perform } = target;
  const latenciesMs = new Float64Array(items.length);
  const limit = timeLimit(name);
  const opened: Connection[] = [];
  let next = 0;
  async function drive(connection: Connection): Promise<void> {
    for (;;) {
      const index = next++;
      const item = items[index];
      if (item === undefined) return;
      const startedAt = performance.now();
      await perform(item, connection);
      latenciesMs[index] = performance.now() - startedAt;
    }
  }
  try {
    const connecting = Array.from({ length: Math.min(target.connections, items.length) }, async () => {
      const connection = await openConnection(name, url);
      opened.push(connection);
      return connection;
    });
    const connections = await Promise.race([Promise.all(connecting), limit.failed]);
    const began = performance.now();
    await Promise.race([Promise.all(connections.map(drive)), limit.failed]);
    return { seconds: (performance.now() - began) / 1000, latenciesMs };
  } finally {
    limit.stop();
    for (const connection of opened) connection.close();
  }
}

/** A promise for a race. It rejects on request and at the time limit. */
function timeLimit(name: string) {
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const timer = setTimeout(
    () => fail(connectionBroken(name, `did not finish within ${timeLimitMs / 1000} s`)),
    timeLimitMs,
  );
  return { failed, fail: (error: Error) => fail(error), stop: () => clearTimeout(timer) };
}
