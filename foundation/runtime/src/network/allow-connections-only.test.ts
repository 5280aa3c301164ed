import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../testing/tls-peers.ts';

const folder = mkdtempSync(join(tmpdir(), 'guarded-'));
const servers: Server[] = [];
async function serve(at: number | string): Promise<void> {
  const server = createServer((_, response) => response.end('here'));
  servers.push(server);
  await new Promise<void>((resolve) => {
    if (typeof at === 'number') server.listen(at, '127.0.0.1', resolve);
    else server.listen(at, resolve);
  });
}

type Outcomes = Readonly<Record<string, string>>;
let outcome: {
  readonly before: Outcomes;
  readonly allowed: Outcomes;
  readonly other: Outcomes;
  readonly elsewhere: string;
  readonly named: string;
};

beforeAll(async () => {
  const [allowed, other] = [await freePort(), await freePort()];
  const [allowedPath, otherPath] = [join(folder, 'allowed'), join(folder, 'other')];
  for (const at of [allowed, other, allowedPath, otherPath]) await serve(at);
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('./guarded-process.fixture.mjs', import.meta.url)),
    String(allowed),
    allowedPath,
    String(other),
    otherPath,
  ]);
  outcome = JSON.parse(stdout);
}, 60_000);
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(folder, { recursive: true });
});

describe('a process that may connect only to some addresses', () => {
  it('refuses every other address immediately with a code', () => {
    const refused = Object.fromEntries(Object.keys(outcome.other).map((name) => [name, 'address_outside']));
    expect(Object.keys(refused).length).toBeGreaterThan(14);
    expect(outcome.other).toEqual(refused);
    expect(outcome.elsewhere).toBe('address_outside');
  });

  it('connects to the allowed ones as before', () => {
    // Without a host, Node uses localhost, which is another name.
    expect(outcome.allowed).toEqual({ ...outcome.before, 'net without host': 'address_outside' });
    expect(outcome.allowed).toMatchObject({
      net: 'connected',
      unix: 'connected',
      fetch: 'connected',
      udp: 'connected',
    });
  });

  it('compares names, not the addresses they resolve to', () => {
    expect(outcome.named).toBe('address_outside');
  });
});
