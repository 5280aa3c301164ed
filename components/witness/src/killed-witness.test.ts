import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { formatVerifierKey } from '@countersign/merkle-log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { paperLog } from './testing/paper-log.ts';

const fixture = fileURLToPath(new URL('./testing/witness-process.fixture.mjs', import.meta.url));
const log = paperLog();
const forked = paperLog({ entries: 'another' });
const rounds = 5;

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'killed-witness-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function start(): Promise<{ readonly address: string; readonly key: string }> {
  const started = spawn(
    process.execPath,
    [fixture, folder, 'witness.example/killed', '0', formatVerifierKey(log.key)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  child = started;
  let said = '';
  for await (const chunk of started.stdout) {
    said += String(chunk);
    if (!said.endsWith('\n')) continue;
    const answer = JSON.parse(said) as { readonly failed?: string; readonly address: string; readonly key: string };
    if (answer.failed !== undefined) throw new Error(answer.failed);
    return answer;
  }
  throw new Error('the witness ended without a word');
}

async function kill(): Promise<void> {
  const dying = child;
  if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
  const gone = new Promise((resolve) => dying.once('exit', resolve));
  dying.kill('SIGKILL');
  await gone;
}

async function ask(address: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${address}/add-checkpoint`, { method: 'POST', body });
  return { status: answer.status, text: await answer.text() };
}

/** The size that a witness says it cosigned last. */
async function sizeAt(address: string): Promise<number> {
  const { status, text } = await ask(address, await log.request(255, 256));
  return status === 409 ? Number(text) : 256;
}

it('a witness that is killed repeatedly while writing never forgets what it cosigned and never signs a fork', {
  timeout: 180_000,
}, async () => {
  let key: string | undefined;
  let answered = 0;
  for (let round = 0; round < rounds; round++) {
    const witness = await start();
    key ??= witness.key;
    expect(witness.key).toBe(key);
    let size = await sizeAt(witness.address);
    // Every answered size is remembered; one more may have been written without an answer.
    expect(size).toBeGreaterThanOrEqual(answered);
    if (size > 0) expect((await ask(witness.address, await forked.request(size, size))).status).toBe(422);
    // Grows without a pause; the kill comes at some point after the first answer, however long that takes.
    let killed: Promise<void> | undefined;
    try {
      for (; size < 250; size += 1) {
        expect((await ask(witness.address, await log.request(size, size + 1))).status).toBe(200);
        answered = size + 1;
        killed ??= delay(20 * round).then(kill);
      }
    } catch (error) {
      // The connection is lost with the process; any answer must be 200.
      if (!(error instanceof TypeError)) throw error;
    }
    await (killed ?? kill());
  }
  expect(answered).toBeGreaterThan(0);
  // Temporary files of interrupted writes may be left; there is one final file.
  expect(readdirSync(join(folder, 'logs')).filter((name) => !name.endsWith('.new'))).toHaveLength(1);
});
