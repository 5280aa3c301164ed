import type { Server as HttpServer } from 'node:http';

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
