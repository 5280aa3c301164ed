import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '@countersign/kernel';
import { createSelfSigned } from '@countersign/testkit';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../observability/index.ts';
import { closeGently, drain } from './draining.ts';
import { createHttpServer } from './server.ts';
import type { HttpTls } from './tls.ts';

async function start(tls?: HttpTls) {
  const app = createHttpServer({
    logger: pino({ level: 'silent' }),
    metrics: createMetrics(),
    ...defined({ tls }),
  });
  app.get('/', async () => 'answered');
  app.get('/slow', async () => {
    await sleep(500);
    return 'answered late';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  return { app, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

async function opened(port: number): Promise<{ readonly socket: Socket; readonly said: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  const said = once(socket, 'close').then(
    () => text,
    (error: NodeJS.ErrnoException) => String(error.code),
  );
  return { socket, said };
}

const request = (path = '/') => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

describe('closing a server', () => {
  it('answers connections that were just opened and requests in progress', async () => {
    const { app, port } = await start();
    const fresh = await Promise.all(Array.from({ length: 80 }, () => opened(port)));
    const busy = await opened(port);
    busy.socket.write(request('/slow'));
    await once(app.server, 'request');
    const closed = closeGently(app);
    for (const { socket } of fresh) socket.write(request());
    for (const { said } of fresh) expect(await said).toMatch(/^HTTP\/1\.1 200 .*connection: close.*answered$/is);
    expect(await busy.said).toMatch(/answered late$/);
    await closed;
    await expect(opened(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('waits neither for idle connections nor, for long, for those that never send anything', async () => {
    const { app, port } = await start();
    const silent = await opened(port);
    const agent = new Agent({ keepAlive: true });
    await new Promise((resolve) => get({ port, agent, path: '/' }, (answer) => answer.resume().on('end', resolve)));
    await closeGently(app);
    expect(await silent.said).toBe('');
    agent.destroy();
  });
});

describe('a listener with TLS', () => {
  it('closes connections that never start the handshake, and closes itself all the same', {
    timeout: 60_000,
  }, async () => {
    const { certificatePem, privateKeyPem } = createSelfSigned({ subject: 'CN=localhost' });
    const { app, port } = await start({ certificate: certificatePem, key: privateKeyPem });
    const held = () => new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)));
    const silent = await Promise.all(Array.from({ length: 10 }, () => opened(port)));
    await expect.poll(held).toBe(10);
    const ended = await Promise.all(silent.map(({ said }) => said));
    expect(new Set(ended)).toEqual(new Set(['']));
    await expect.poll(held).toBe(0);
    const late = await opened(port);
    await closeGently(app);
    expect(await late.said).toBe('');
  });
});

describe('draining a server', () => {
  it('continues answering, with each answer the last on its connection', async () => {
    const { app, port } = await start();
    const before = await opened(port);
    before.socket.write(request());
    await once(before.socket, 'data');
    drain(app);
    before.socket.write(request());
    expect(await before.said).toMatch(/connection: keep-alive.*connection: close/is);
    const after = await opened(port);
    after.socket.write(request());
    expect(await after.said).toMatch(/^HTTP\/1\.1 200 .*connection: close/is);
    await closeGently(app);
  });
});
