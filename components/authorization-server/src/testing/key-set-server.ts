import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Outbound, outboundErrors } from '@countersign/contracts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A real web server that clients publish their keys at, and a fetcher with the limits that `Outbound` promises. */
export async function startKeySetServer() {
  let answer: Answer = (_request, response) => void response.writeHead(404).end();
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  const uri = `http://127.0.0.1:${address.port}/jwks`;

  const getJson: Outbound['getJson'] = async (url, limits = {}) => {
    const { timeoutMs = 1_000, maxBytes = 65_536 } = limits;
    try {
      const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
      const text = await response.text();
      if (response.status !== 200 || text.length > maxBytes) throw new Error('not what was asked for');
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw outboundErrors.error('outbound_failed', 'The document could not be fetched.', { cause });
    }
  };

  return {
    uri,
    getJson,
    requests: () => requests,
    answerWith(next: Answer) {
      answer = next;
    },
    publish(document: unknown) {
      answer = (_request, response) =>
        void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(typeof document === 'string' ? document : JSON.stringify(document));
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
