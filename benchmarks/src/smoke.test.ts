import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

// Its servers are processes of their own, which run what was built.
describe.skipIf(!existsSync(main))('npm run bench (needs a build)', () => {
  const run = (...args: readonly string[]) => promisify(execFile)(process.execPath, [main, ...args]);

  it('measures every suite, in a hurry, and leaves no data behind', { timeout: 180_000 }, async () => {
    const left = () =>
      existsSync('/var/tmp') ? readdirSync('/var/tmp').filter((name) => name.startsWith('countersign-bench-')) : [];
    const before = left();
    const { stdout } = await run('--quick');
    for (const part of [
      'Client-credentials tokens',
      'bare HTTP and cryptography',
      'oidc-provider, in memory',
      'the tokens/s of oidc-provider',
      'the server CPU of the bare server',
      'Token exchange',
      'Policy decisions',
      'Cedar reference engine',
      'Audit-log appends, a lone caller',
      'floor: a lone INSERT',
      'Audit-log appends, 32 callers at once',
    ])
      expect(stdout).toContain(part);
    expect(stdout).toContain('a quick run shows that everything works');
    expect(left().filter((name) => !before.includes(name))).toEqual([]);
  });

  it('says which suites there are when asked for another', async () => {
    await expect(run('--only', 'tokens,magic')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no suite named magic'),
    });
  });
});
