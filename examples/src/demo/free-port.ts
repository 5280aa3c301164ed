import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Distinct ports that are free now. If another process takes one first, the start reports it. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held = await Promise.all(Array.from({ length: count }, () => holdPort(0)));
  await Promise.all(held.map(({ release }) => release()));
  return held.map(({ port }) => port);
}

/** The first of several consecutive free ports, below the range of ephemeral ports. */
export async function freePortRange(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 20_000 + randomInt(12_000);
    const holding = Array.from({ length: count }, (_, index) => holdPort(first + index));
    const held = (await Promise.allSettled(holding)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await Promise.all(held.map(({ release }) => release()));
    if (held.length === count) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** @param port 0 for any that is free */
async function holdPort(port: number): Promise<{ readonly port: number; release(): Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening server without a port');
  return { port: address.port, release: () => new Promise((resolve) => server.close(() => resolve())) };
}
