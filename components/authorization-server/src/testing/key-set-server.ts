import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { plainOutbound } from '@countersign/testkit';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A real web server where clients publish their keys, and the fetcher for them. */
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

  return {
    uri,
    getJson: plainOutbound.getJson,
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
