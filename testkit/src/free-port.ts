import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below what Linux gives to connections that somebody makes: one of those would take the port before it is listened on.
 * Above 10080, which no `fetch` asks (Fetch Standard, port blocking).
 */
const ports = { first: 10_100, last: 32_000 };
const mostTries = 100;

/** A port of this machine that nobody listens on, for a server whose own address must be known before it starts. */
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
