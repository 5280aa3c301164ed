import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersign, endAll, type Outcome, processesAbout } from '../testing/command.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';

const folder = scratchFolder();
const temporary = join(folder.path, 'tmp');

/** Six processes and five firms start on two processors that others use too. */
const wholeDemoMs = 600_000;

afterAll(async () => {
  await endAll();
  folder.remove();
});

describe('countersign demo --split', () => {
  let outcome: Outcome;
  beforeAll(async () => {
    mkdirSync(temporary);
    outcome = await countersign(['demo', '--split'], { env: { TMPDIR: temporary }, cwd: folder.path });
  }, wholeDemoMs);

  it('carries the order to its end over six processes, proves it, and ends with 0', () => {
    expect(outcome.stderr).toBe('');
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/^ +VERIFIED$/m);
    expect(outcome.stdout).toContain('cleared, settled');
    expect(outcome.stdout).toMatch(/Every approval was signed .* 1 approval verified\. 1 of them by/);
    expect(outcome.stdout).toMatch(/\d+ attacks and mistakes were refused, the proof holds/);
  });

  it('lists the processes, and which one was killed and restarted', () => {
    const pidOf = new Map(
      [...outcome.stdout.matchAll(/^ +process (\d+): ([\w-]+)$/gm)].map(([, pid, name]) => [name, pid]),
    );
    expect([...pidOf.keys()]).toEqual(['edge', 'core', 'evidence', 'egress', 'certificate-authority', 'secrets']);
    expect(new Set(pidOf.values()).size).toBe(6);
    const [, killed] = /process (\d+) \(core\) is killed: SIGKILL/.exec(outcome.stdout) ?? [];
    expect(killed).toBe(pidOf.get('core'));
    const [, again] = /process (\d+) \(core\) is started again/.exec(outcome.stdout) ?? [];
    expect(again).toMatch(/^\d+$/);
    expect([...pidOf.values()]).not.toContain(again);
  });

  it('refuses with a code whatever needs the killed process, and releases nothing meanwhile', () => {
    const [, absence = ''] =
      /The process that decides is killed(.*)is started again.*nothing was released/s.exec(outcome.stdout) ?? [];
    const refusals = absence.match(/ refused: .*/g) ?? [];
    expect(refusals.length).toBeGreaterThanOrEqual(5);
    for (const refusal of refusals) expect(refusal).toContain('peer_unavailable');
    expect(absence).toContain('evidence still gives the checkpoint of the log');
  });

  it('refuses everything that a single process refuses, with the same codes', { timeout: wholeDemoMs }, async () => {
    const whole = await countersign(['demo'], { env: { TMPDIR: temporary }, cwd: folder.path });
    const refused = ({ stdout }: Outcome) => stdout.match(/(?<= refused: ).*? {2}\w+/g) ?? [];
    const withoutAbsence = refused(outcome).filter((line) => !line.endsWith('  peer_unavailable'));
    expect(withoutAbsence).toEqual(refused(whole));
    expect(refused(whole).length).toBeGreaterThanOrEqual(45);
  });

  it('leaves nothing behind when it is interrupted', { timeout: 240_000 }, async () => {
    const binary = fileURLToPath(new URL('../../../bin/countersign.js', import.meta.url));
    const child = spawn(process.execPath, [binary, 'demo', '--split'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TMPDIR: temporary },
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('countersign processes init')) child.kill('SIGINT');
    });
    const [code] = await once(child, 'exit');
    expect(code).toBe(130);
    expect(processesAbout(temporary)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('leaves no process and no temporary folder behind', () => {
    expect(processesAbout(temporary)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(folder.path)).toEqual(['tmp']);
  });
});
