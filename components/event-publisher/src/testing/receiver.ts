import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedMessage {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks, on a real socket. */
export interface Receiver {
  readonly url: string;
  readonly received: readonly ReceivedMessage[];
  /** Ids of the events, in order of arrival. */
  ids(): readonly string[];
  /** Sets the answer from now on: a status, or a request handler. */
  answer(how: number | RequestListener): void;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: ReceivedMessage[] = [];
  let how: number | RequestListener = 204;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      received.push({ method, path, headers, body: Buffer.concat(chunks).toString('utf8') });
      if (typeof how === 'number') response.writeHead(how).end();
      else how(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/countersign?tenant=7`,
    received,
    ids: () => received.map(({ body }) => String((JSON.parse(body) as { id: unknown }).id)),
    answer(next) {
      how = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
