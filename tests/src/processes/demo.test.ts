import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersign, endAll, type Outcome, processesAbout } from '../testing/command.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';

const folder = scratchFolder();
const temporary = join(folder.path, 'tmp');

/** Our databases in the default data location, which tests must not use. */
function strays(): readonly string[] {
  const elsewhere = '/var/lib/countersign/data';
  const names = existsSync(elsewhere) ? readdirSync(elsewhere) : [];
  return names.filter((name) => {
    const marker = join(elsewhere, name, 'countersign-database.json');
    return existsSync(marker) && readFileSync(marker, 'utf8').includes(folder.path);
  });
}

afterAll(async () => {
  await endAll();
  folder.remove();
});

describe('countersign demo', () => {
  let outcome: Outcome;
  beforeAll(async () => {
    mkdirSync(temporary);
    outcome = await countersign(['demo'], { env: { TMPDIR: temporary }, cwd: folder.path });
  }, 120_000);

  it('takes the order to its end, verifies it, and ends with 0', () => {
    expect(outcome.stderr).toBe('');
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/^ +VERIFIED$/m);
    expect(outcome.stdout).toContain('cleared, settled');
    // The only approval that counts is that of the security key.
    expect(outcome.stdout).toMatch(/Every approval was signed .* 1 approval verified\. 1 of them by/);
    expect(outcome.stdout).toMatch(/\d+ attacks and mistakes were refused, the proof holds/);
  });

  it('shows each refusal with its code', () => {
    for (const code of [
      'not_a_signatory',
      'terms_hash_mismatch',
      'mandate_wider',
      'approval_required',
      'approval_self',
      'approval_expired',
      'origin_wrong',
      'challenge_unknown',
      'approval_repeated',
      'credential_unknown',
      'idempotency_conflict',
      'mandate_lapsed',
      'authority_unproven',
      'invalid_authorization_details',
      'record_altered',
      'record_missing',
    ])
      expect(outcome.stdout).toMatch(new RegExp(`refused: .*${code}`));
  });

  it('writes plain text to a pipe', () => {
    expect(outcome.stdout).not.toContain('\u001b');
    expect(outcome.stdout).not.toContain('\r');
  });

  it('leaves nothing behind when its output is no longer read', { timeout: 60_000 }, async () => {
    const binary = fileURLToPath(new URL('../../../bin/countersign.js', import.meta.url));
    const child = spawn(process.execPath, [binary, 'demo'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: temporary },
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('control plane  http')) child.stdout.destroy();
    });
    await once(child, 'exit');
    expect(processesAbout(temporary)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('leaves no process, no temporary folder and no data behind', () => {
    expect(processesAbout(temporary)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    expect(strays()).toEqual([]);
    expect(readdirSync(folder.path).sort()).toEqual(['tmp']);
  });
});
