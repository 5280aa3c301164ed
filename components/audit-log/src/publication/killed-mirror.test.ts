import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseTilePath } from '@countersign/merkle-log';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, drafts, type Rig } from '../testing/rig.ts';
import { runMirror } from '../testing/run-mirror.ts';

const fixture = fileURLToPath(new URL('../testing/mirror-process.fixture.mjs', import.meta.url));
const rounds = 6;

let rig: Rig;
let log: RunningAuditLog;
let server: Server;
let address: string;
let served = 0;
const folders: string[] = [];
beforeAll(async () => {
  rig = await createRig();
  log = await rig.open();
  server = createServer((request, response) => {
    served++;
    const path = (request.url ?? '').slice(1);
    const resource = parseTilePath(path);
    const answer =
      path === 'checkpoint'
        ? log.checkpoint()
        : resource?.kind === 'tile'
          ? log.tile(resource.tile)
          : resource && log.entryBundle(resource.bundle);
    void Promise.resolve(answer).then((bytes) =>
      bytes === undefined ? response.writeHead(404).end() : response.end(bytes),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rig.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'killed-mirror-'));
  folders.push(folder);
  return folder;
}

/** Starts a copy and kills it after a number of answers from the log. @returns its output */
async function copyAndKill(folder: string, answers: number): Promise<string> {
  const from = served;
  const child: ChildProcess = spawn(process.execPath, [fixture, address, folder, log.verifierKey()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const watch = setInterval(() => {
    if (served - from >= answers) child.kill('SIGKILL');
  }, 1);
  await ended;
  clearInterval(watch);
  return said;
}

it('a copy of the log that is killed repeatedly holds everything its checkpoint promises, and continues', {
  timeout: 180_000,
}, async () => {
  const folder = newFolder();
  for (let round = 0; round < rounds; round++) {
    await Promise.all(drafts(1_000).map((one) => log.append(one)));
    const said = await copyAndKill(folder, 2 + round * 2);
    expect(said).not.toContain('failed');
    // Every file present is complete: the folder alone can be verified.
    if (!existsSync(join(folder, 'checkpoint'))) continue;
    expect(await readBack(folder)).toBe(readFileSync(join(folder, 'checkpoint'), 'utf8').split('\n')[1]);
  }
  const size = await runMirror({ address, folder, vkey: log.verifierKey() });
  expect(await readBack(folder)).toBe(size);
});

/** Copies the folder, as a web server serves it, into another one. */
async function readBack(folder: string): Promise<string> {
  const files = createServer((request, response) => {
    const file = join(folder, (request.url ?? '').slice(1));
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = files.address() as AddressInfo;
    return await runMirror({ address: `http://127.0.0.1:${port}`, folder: newFolder(), vkey: log.verifierKey() });
  } finally {
    files.closeAllConnections();
    files.close();
  }
}
