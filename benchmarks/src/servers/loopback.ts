import { randomInt } from 'node:crypto';
import { createServer, type Server as HttpServer, type Server } from 'node:http';

/** Listens on a free port of the loopback interface and returns the base URL. */
export function listenOnLoopback(server: HttpServer): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string')
        return reject(new Error('a listening server without a port'));
      resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}

export function closeServer(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** The first of several consecutive free ports, below the range of outgoing connections (Linux: from 32,768). */
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
