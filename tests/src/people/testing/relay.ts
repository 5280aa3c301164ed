import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody between a person and the control plane, at an address of their own. */
export interface Relay {
  readonly origin: string;
  stop(): Promise<void>;
}

/** Passes everything on, in the name of the place where it goes: what an attacker's copy of a site does. */
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
