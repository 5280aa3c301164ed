import { connect, type Socket } from 'node:net';
import { CodedError } from '@countersign/kernel';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Load {
  readonly name: string;
  /** `http:` only. */
  readonly url: string;
  /** Complete requests as bytes, each sent once; whatever they hold is prepared beforehand. */
  readonly requests: readonly Buffer[];
  readonly connections: number;
  /** Throws or returns a complaint for an answer that is not a success. */
  readonly complaint: (answer: Answer) => string | undefined;
}

export interface LoadResult {
  readonly seconds: number;
  readonly latenciesMs: Float64Array;
}

/** Longer than any round: a server that has stopped answering must not hang the run. */
const timeLimitMs = 60_000;

/**
 * Sends every request over kept-alive connections, each connection with one request under way (a closed loop).
 *
 * Written on bare sockets: the client shares the machine with the server it measures, so it has to be cheap.
 *
 * @throws CodedError `benchmark_answer` at the first answer that is not a success, `benchmark_connection` when a
 *   connection ends or the time is up
 */
export async function sendAll(load: Load): Promise<LoadResult> {
  const { requests } = load;
  const latenciesMs = new Float64Array(requests.length);
  let next = 0;
  const sockets: Socket[] = [];
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const timer = setTimeout(() => fail(broken(load.name, `did not finish within ${timeLimitMs / 1000} s`)), timeLimitMs);

  function drive(socket: Socket): Promise<void> {
    return new Promise((resolve) => {
      let sentAt = 0;
      let index = 0;
      const reader = createAnswerReader();
      const sendNext = (): void => {
        const request = requests[next];
        if (request === undefined) {
          resolve();
          return;
        }
        index = next++;
        sentAt = performance.now();
        socket.write(request);
      };
      socket.on('data', (chunk) => {
        let answer: Answer | undefined;
        try {
          answer = reader.push(chunk);
        } catch (error) {
          return fail(error instanceof Error ? error : new Error(String(error)));
        }
        if (answer === undefined) return;
        latenciesMs[index] = performance.now() - sentAt;
        const complaint = load.complaint(answer);
        if (complaint !== undefined) return fail(unsuccessful(load.name, answer, complaint));
        sendNext();
      });
      socket.on('error', (error) => fail(broken(load.name, error.message)));
      socket.on('close', () => fail(broken(load.name, 'a connection was closed')));
      sendNext();
    });
  }

  try {
    const { hostname, port } = new URL(load.url);
    const connecting = Array.from({ length: Math.min(load.connections, requests.length) }, () =>
      openSocket(hostname, Number(port), sockets),
    );
    const open = await Promise.race([Promise.all(connecting), failed]);
    const began = performance.now();
    await Promise.race([Promise.all(open.map(drive)), failed]);
    return { seconds: (performance.now() - began) / 1000, latenciesMs };
  } finally {
    clearTimeout(timer);
    for (const socket of sockets) {
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
    }
    failed.catch(() => undefined);
  }
}

function openSocket(host: string, port: number, sockets: Socket[]): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    sockets.push(socket);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Reads answers off one connection. Enough of HTTP/1.1 for servers that send a length. */
export function createAnswerReader(): { push(chunk: Buffer): Answer | undefined } {
  let held: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const headEnd = held.indexOf('\r\n\r\n');
      if (headEnd === -1) return undefined;
      const head = held.toString('latin1', 0, headEnd);
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
      if (Number.isNaN(status) || Number.isNaN(length))
        throw new CodedError({
          code: 'benchmark_answer',
          category: 'invalid',
          detail: 'An answer has no status or no content-length; the load generator cannot read it.',
        });
      const end = headEnd + 4 + length;
      if (held.length < end) return undefined;
      const body = held.toString('utf8', headEnd + 4, end);
      held = held.subarray(end);
      return { status, body };
    },
  };
}

function unsuccessful(name: string, { status, body }: Answer, complaint: string): CodedError {
  // The body of a refusal says why; that of a success may hold a token.
  const said = status === 200 ? '' : `: ${body.slice(0, 300)}`;
  return new CodedError({
    code: 'benchmark_answer',
    category: 'invalid',
    detail: `${name} answered ${status}, ${complaint}${said}. Nothing is reported: figures of failing requests mean nothing.`,
  });
}

function broken(name: string, what: string): CodedError {
  return new CodedError({ code: 'benchmark_connection', category: 'unavailable', detail: `${name}: ${what}.` });
}
