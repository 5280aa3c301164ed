import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which Linux takes ports of outgoing connections, which could otherwise take the port before the server
 * listens. Above 10080, the last port that `fetch` blocks (Fetch Standard, port blocking).
 */
const ports = { first: 10_100, last: 32_000 };
const mostTries = 100;

/** A free port of this machine, for a server whose address must be known before it starts. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < mostTries; tries++) {
    const port = randomInt(ports.first, ports.last);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}
