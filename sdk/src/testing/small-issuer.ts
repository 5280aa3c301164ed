import { createServer, type IncomingMessage } from 'node:http';
import type { SigningKey } from '../keys.ts';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface SmallIssuer {
  readonly url: string;
  /** Every request except those for keys and tokens, oldest first. */
  readonly seen: readonly SeenRequest[];
  /** Number of requests for a key set, by its path. */
  keyFetches(path: string): number;
  /** The responses by `METHOD /path`, without the query. */
  answers: Map<string, { readonly status: number; readonly body: unknown }>;
  /** The keys of each set by its path; empty by default. */
  keys: Map<string, readonly SigningKey[]>;
  close(): Promise<void>;
}

/** A simulated control plane for clients: key sets, a token for every caller, and responses that the test sets. */
export async function startSmallIssuer(): Promise<SmallIssuer> {
  const seen: SeenRequest[] = [];
  const fetches = new Map<string, number>();
  const answers: SmallIssuer['answers'] = new Map();
  const keys: SmallIssuer['keys'] = new Map();

  function answerTo(request: SeenRequest): { readonly status: number; readonly body: unknown } {
    const path = request.url.split('?')[0] ?? '';
    if (path === '/token') {
      const scope = new URLSearchParams(request.body).get('scope');
      return { status: 200, body: { access_token: `token for ${scope}`, token_type: 'DPoP', expires_in: 300, scope } };
    }
    const set = keys.get(path);
    if (set !== undefined) {
      fetches.set(path, (fetches.get(path) ?? 0) + 1);
      return { status: 200, body: { keys: set.map(({ kid, publicJwk }) => ({ ...publicJwk, kid })) } };
    }
    seen.push(request);
    return answers.get(`${request.method} ${path}`) ?? { status: 404, body: { code: 'not_here' } };
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const answer = answerTo({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer.body));
    });
  });
  // Closing an idle connection while the test is busy would make the next request on it fail.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the issuer listens nowhere');
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    keyFetches: (path) => fetches.get(path) ?? 0,
    answers,
    keys,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
