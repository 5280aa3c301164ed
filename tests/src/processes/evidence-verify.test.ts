import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersign, endAll, type Outcome } from '../testing/command.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';

const folder = scratchFolder();
const kept = join(folder.path, 'kept');

afterAll(async () => {
  await endAll();
  folder.remove();
});

describe('countersign evidence verify', () => {
  const bundle = join(kept, 'order.evidence.json');
  const trust = join(kept, 'trust.json');
  const alone = join(folder.path, 'alone');
  const verify = (...args: readonly string[]): Promise<Outcome> => countersign(['evidence', 'verify', ...args]);

  beforeAll(async () => {
    const demo = await countersign(['demo', '--keep', kept]);
    if (demo.code !== 0) throw new Error(`the demo failed: ${demo.stderr}`);
    // Away from the trust file that lies beside it.
    mkdirSync(alone);
    writeFileSync(join(alone, 'order.json'), readFileSync(bundle));
    const changed = JSON.parse(readFileSync(bundle, 'utf8')) as { records: unknown[] };
    changed.records.splice(3, 1);
    writeFileSync(join(alone, 'tampered.json'), JSON.stringify(changed));
    writeFileSync(join(alone, 'text.json'), 'this is not JSON');
    writeFileSync(join(alone, 'another.json'), '{"format":"something else"}');
  }, 120_000);

  it('uses a folder that git ignores, because keys are in it', () => {
    expect(readFileSync(join(kept, '.gitignore'), 'utf8')).toBe('*\n');
  });

  it('ends with 0 for a bundle verified with a key from elsewhere', { timeout: 120_000 }, async () => {
    const outcome = await verify(bundle, '--trust', trust);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout.trim().split('\n').at(-1)).toBe('VERIFIED');
    // A trust file beside the bundle may have come with it, so it is not used.
    expect(await verify(bundle)).toMatchObject({ code: 3 });
    const { logVerifierKey } = JSON.parse(readFileSync(trust, 'utf8')) as { logVerifierKey: string };
    expect(await verify(join(alone, 'order.json'), '--log-key', logVerifierKey)).toMatchObject({ code: 0 });
  });

  it('ends with 2 for a tampered bundle, and says what fails', { timeout: 120_000 }, async () => {
    const outcome = await verify(join(alone, 'tampered.json'), '--trust', trust);
    expect(outcome.code).toBe(2);
    expect(outcome.stdout).toMatch(/^FAIL .*record_missing/m);
    expect(outcome.stdout).toContain('NOT VERIFIED');
    expect((await verify(join(alone, 'another.json'), '--trust', trust)).code).toBe(2);
  });

  it('ends with 3 for a bundle that is only consistent with itself', async () => {
    const outcome = await verify(join(alone, 'order.json'));
    expect(outcome.code).toBe(3);
    expect(outcome.stdout).toContain('NOT ANCHORED');
  });

  it('ends with 1 for a file that cannot be read', async () => {
    for (const file of [join(alone, 'text.json'), join(alone, 'nowhere.json')]) {
      const outcome = await verify(file, '--trust', trust);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain('file_unreadable');
    }
  });

  it('ends with 64 for an invalid command line', async () => {
    expect((await verify()).code).toBe(64);
    expect((await verify(bundle, '--no-such-option')).code).toBe(64);
    expect((await countersign(['no-such-command'])).code).toBe(64);
  });

  it('prints every step as JSON on request, with the same exit codes', async () => {
    const good = await verify(bundle, '--trust', trust, '--json');
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, anchored: true });
    const bad = await verify(join(alone, 'tampered.json'), '--json');
    expect(bad.code).toBe(2);
    const { steps } = JSON.parse(bad.stdout) as { steps: readonly { ok: boolean; code?: string }[] };
    expect(steps.filter(({ ok }) => !ok).map(({ code }) => code)).toContain('record_missing');
  });

  it('keeps the private keys of a kept demo readable only by its owner', () => {
    const open = readdirSync(kept, { recursive: true, encoding: 'utf8' }).filter((name) => {
      const path = join(kept, name);
      if (!name.endsWith('.json') && !name.endsWith('.jwk')) return false;
      return /"d"\s*:/.test(readFileSync(path, 'utf8')) && (statSync(path).mode & 0o077) !== 0;
    });
    expect(open).toEqual([]);
  });
});
