import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A relay between a person and the control plane, at its own address. */
export interface Relay {
  readonly origin: string;
  stop(): Promise<void>;
}

/** Forwards everything under the name of its target, like an attacker's copy of a site. */
export async function startRelay(to: string): Promise<Relay> {
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host: new URL(to).host };
    if (headers.origin !== undefined) headers.origin = to;
    const passed = request(to + (incoming.url ?? '/'), { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.once('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
