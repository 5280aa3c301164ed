import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { closeServer, listenOnLoopback } from './servers/loopback.ts';

/** Known beforehand, because the issuer's name holds it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const url = await listenOnLoopback(server);
  await closeServer(server);
  return Number(new URL(url).port);
}

/** The first of so many free ports in a row, of those that no connection is given by itself (Linux: from 32,768). */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = randomInt(20_000, 32_000);
    const servers = await Promise.all(Array.from({ length: count }, (_, index) => listenOn(first + index)));
    const taken = servers.flatMap((server) => server ?? []);
    await Promise.all(taken.map(closeServer));
    if (taken.length === count) return first;
  }
}

/** Undefined where it is taken. */
function listenOn(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
