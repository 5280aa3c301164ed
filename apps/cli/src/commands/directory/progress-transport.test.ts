import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isCodedError } from '@countersign/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import { type Progress, progressTransport } from './progress-transport.ts';

let server: Server | undefined;
afterEach(() => new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))));

/** Sends one request to a real server with this answer. */
async function send(path: string, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const listening = createServer(answer);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const seen: Progress[] = [];
  const sent = progressTransport((progress) => seen.push(progress)).send({
    method: 'POST',
    url: `http://127.0.0.1:${port}${path}`,
    headers: { authorization: 'DPoP x', accept: 'application/json' },
    body: '{}',
  });
  return { seen, outcome: await sent.catch((error: unknown) => error) };
}

const streaming = { 'content-type': 'application/x-ndjson' };

describe('sending a directory file', () => {
  it('shows its progress, wherever the lines are split, and returns the result', async () => {
    const { seen, outcome } = await send('/directory/apply?prune=true', (request, response) => {
      response.writeHead(200, { ...streaming, 'x-accept': String(request.headers.accept) });
      const text =
        '{"progress":{"step":"read","done":500,"of":9000}}\n{"progress":{"step":"written","done":9000,"of":9000}}\n' +
        '{"result":{"version":3,"changes":[{"id":"é"}]}}\n';
      const bytes = Buffer.from(text);
      // Split in the middle of lines and of a character.
      for (const [from, to] of [
        [0, 20],
        [20, bytes.length - 7],
        [bytes.length - 7, bytes.length],
      ] as const)
        response.write(bytes.subarray(from, to));
      response.end();
    });
    expect(seen).toEqual([
      { step: 'read', done: 500, of: 9_000 },
      { step: 'written', done: 9_000, of: 9_000 },
    ]);
    expect(outcome).toEqual({ status: 200, body: { version: 3, changes: [{ id: 'é' }] } });
  });

  it('takes the status of a refusal from its problem document', async () => {
    const { outcome } = await send('/directory/plan', (_request, response) => {
      response.writeHead(200, streaming).end('{"problem":{"status":409,"code":"credential_shared","detail":"x"}}\n');
    });
    expect(outcome).toEqual({ status: 409, body: { status: 409, code: 'credential_shared', detail: 'x' } });
  });

  it('passes on an answer received before any streaming, with its nonce', async () => {
    const { outcome } = await send('/directory/apply', (_request, response) => {
      response
        .writeHead(401, { 'content-type': 'application/problem+json', 'dpop-nonce': 'n-1' })
        .end('{"code":"proof_nonce"}');
    });
    expect(outcome).toEqual({ status: 401, dpopNonce: 'n-1', body: { code: 'proof_nonce' } });
  });

  it.each<readonly [string, (response: ServerResponse) => void]>([
    ['ends before its last line', (response) => void response.end('{"progress":{"step":"read","done":1,"of":2}}\n')],
    ['breaks off', (response) => void response.write('{"prog', () => response.destroy())],
    ['is no JSON', (response) => void response.end('<html>\n')],
  ])('counts as unanswered if the answer %s', async (_name, answer) => {
    const { outcome } = await send('/directory/apply', (_request, response) => {
      response.writeHead(200, streaming);
      answer(response);
    });
    expect(isCodedError(outcome, 'control_plane_unreachable')).toBe(true);
  });

  it('requests no progress for any other request', async () => {
    const { outcome } = await send('/directory/changes', (request, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ accept: request.headers.accept }));
    });
    expect(outcome).toMatchObject({ body: { accept: 'application/json' } });
  });
});
