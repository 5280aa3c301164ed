import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isCodedError } from '@countersign/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import { type StreamedEvent, streamTransport } from './stream-transport.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  return new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
});

/** Follows the stream of a real server with this answer. */
async function follow(answer: (response: ServerResponse) => void, path = '/events/stream?topics=mandate') {
  const listening = createServer((_request, response) => answer(response));
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const events: StreamedEvent[] = [];
  const positions: string[] = [];
  const ending = new AbortController();
  const sent = streamTransport({
    onEvent(event) {
      events.push(event);
      if (event.data.includes('"last"')) ending.abort();
    },
    onPosition: (id) => positions.push(id),
    signal: ending.signal,
  }).send({ method: 'GET', url: `http://127.0.0.1:${port}${path}`, headers: { authorization: 'DPoP x' } });
  return { events, positions, outcome: await sent.catch((error: unknown) => error) };
}

const streaming = { 'content-type': 'text/event-stream; charset=utf-8' };

describe('following events', () => {
  it('delivers each once, wherever the stream is split, and advances only by an id', async () => {
    const { events, positions, outcome } = await follow((response) => {
      response.writeHead(200, streaming);
      const bytes = Buffer.from(
        'retry: 2000\n\nid: 0001\n\n: nothing yet\n\nid: 0002\nevent: x\ndata: {"a":"é"}\n\nid:0003\ndata: {"b":\ndata: 1}\n\n',
      );
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      response.end();
    });
    expect(events).toEqual([
      { id: '0002', data: '{"a":"é"}' },
      { id: '0003', data: '{"b":\n1}' },
    ]);
    expect(positions).toEqual(['0001', '0002', '0003']);
    expect(outcome).toEqual({ status: 200, body: '' });
  });

  it('keeps received events if the stream breaks off, and drops a partial one', async () => {
    const { events, outcome } = await follow((response) => {
      response.writeHead(200, streaming).write('id: 0001\ndata: 1\n\nid: 0002\ndata: 2\n', () => {
        setTimeout(() => response.destroy(), 50);
      });
    });
    expect(events).toEqual([{ id: '0001', data: '1' }]);
    expect(outcome).toEqual({ status: 200, body: '' });
  });

  it('ends on request even if the stream continues', async () => {
    const { events, outcome } = await follow((response) => {
      response.writeHead(200, streaming).write('id: 0001\ndata: "last"\n\n');
    });
    expect(events).toHaveLength(1);
    expect(outcome).toEqual({ status: 200, body: '' });
  });

  it('passes on a refusal with its nonce', async () => {
    const { outcome } = await follow((response) => {
      response
        .writeHead(401, { 'content-type': 'application/problem+json', 'dpop-nonce': 'n-1' })
        .end('{"code":"proof_nonce"}');
    });
    expect(outcome).toEqual({ status: 401, dpopNonce: 'n-1', body: { code: 'proof_nonce' } });
  });

  it('bounds the size of an event', async () => {
    const { events, outcome } = await follow((response) => {
      response.writeHead(200, streaming).end(`id: 0001\ndata: ${'x'.repeat(1_100_000)}`);
    });
    expect([events, outcome]).toEqual([[], { status: 200, body: '' }]);
  });

  it('counts as unanswered if no server is there, or it does not speak JSON', async () => {
    const { outcome } = await follow((response) => void response.end('<html>'));
    expect(isCodedError(outcome, 'control_plane_unreachable')).toBe(true);
    const gone = await follow((response) => void response.destroy());
    expect(isCodedError(gone.outcome, 'control_plane_unreachable')).toBe(true);
  });

  it('leaves every other request unchanged', async () => {
    const { outcome } = await follow(
      (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"events":[]}'),
      '/events?limit=1',
    );
    expect(outcome).toEqual({ status: 200, body: { events: [] } });
  });
});
