import { Agent, request } from 'node:http';
import type { Attempt } from './fuzzing-requests.ts';

export interface Outcome {
  /** undefined if the server closed the connection without a response. */
  readonly status?: number;
  readonly text: string;
  readonly milliseconds: number;
}

export interface Transport {
  send(attempt: Attempt): Promise<Outcome>;
  close(): void;
}

/**
 * Sends requests unchanged, from many addresses of this machine in turn: failed authentications are counted by address, and
 * beyond that budget requests are not examined. @param patience milliseconds after which a missing response is a hang
 */
export function createTransport(issuer: string, patience: number): Transport {
  const { hostname, port } = new URL(issuer);
  const agents = Array.from({ length: 120 }, () => new Agent({ keepAlive: true, maxSockets: 2 }));
  let sent = 0;
  return {
    send({ path, method = 'POST', headers = [], body = '' }) {
      const turn = sent++ % agents.length;
      const began = performance.now();
      const agent = agents[turn];
      return new Promise((resolve, reject) => {
        const asked = request({
          hostname,
          port,
          path,
          method,
          ...(agent === undefined ? {} : { agent }),
          localAddress: `127.0.1.${turn + 1}`,
          headers: grouped([...headers, ['content-length', String(Buffer.byteLength(body))]]),
          signal: AbortSignal.timeout(patience),
        });
        const done = (status: number | undefined, text: string): void =>
          resolve({ ...(status === undefined ? {} : { status }), text, milliseconds: performance.now() - began });
        asked.on('response', (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (chunk: string) => {
            text += chunk;
          });
          answer.on('end', () => done(answer.statusCode, text));
          answer.on('error', reject);
        });
        asked.on('error', (error: NodeJS.ErrnoException) => {
          // A body or header beyond every limit is answered by closing the connection.
          if (error.code === 'ECONNRESET' || error.code === 'EPIPE') done(undefined, error.code);
          else reject(error);
        });
        asked.end(body);
      });
    },
    close() {
      for (const agent of agents) agent.destroy();
    },
  };
}

/** Repeated headers are sent as several lines. */
function grouped(headers: readonly (readonly [string, string])[]): Record<string, string[]> {
  const lines: Record<string, string[]> = {};
  for (const [name, value] of headers) lines[name] = [...(lines[name] ?? []), value];
  return lines;
}
