import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { processesAbout } from '../testing/command.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';

const releases = fileURLToPath(new URL('../../node-releases', import.meta.url));
const command = fileURLToPath(new URL('../../../bin/countersign.js', import.meta.url));
const { dependencies } = JSON.parse(readFileSync(join(releases, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};
const names = Object.keys(dependencies);
const binaryOf = (name: string): string => join(releases, 'node_modules', name, 'bin/node');

/** Installs the binaries of the lock file. @returns why they are missing, or undefined */
function whyMissing(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the binaries are for Linux on x64';
  if (names.every((name) => existsSync(binaryOf(name)))) return undefined;
  try {
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: releases, stdio: 'pipe' });
    return undefined;
  } catch (cause) {
    if (process.env['COUNTERSIGN_COMPONENTS'] === 'required') throw cause;
    return 'run `npm ci` in tests/node-releases';
  }
}

const missing = whyMissing();
const folder = scratchFolder();
afterAll(() => folder.remove());

describe.skipIf(missing !== undefined)(`Node.js${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  it.each(names)('%s runs the product: an order is taken to its end and verified, without a warning', async (name) => {
    const temporary = join(folder.path, name);
    mkdirSync(temporary);
    // The demo starts its processes with the same binary.
    const child = spawn(binaryOf(name), [command, 'demo'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: temporary, NODE_OPTIONS: '' },
    });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(Buffer.concat(err).toString('utf8')).toBe('');
    expect(Buffer.concat(out).toString('utf8')).toMatch(/^ +VERIFIED$/m);
    expect(code).toBe(0);
    expect(processesAbout(temporary)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('is tested at the oldest promised release, and at each supported one', () => {
    const { engines } = JSON.parse(readFileSync(join(releases, '../../package.json'), 'utf8')) as {
      readonly engines: { readonly node: string };
    };
    expect(engines.node).toBe('>=20.19');
    const versions = names.map((name) => execFileSync(binaryOf(name), ['--version'], { encoding: 'utf8' }).trim());
    expect(versions.map((version) => /^v(\d+)\./.exec(version)?.[1])).toEqual(['20', '22', '24', '26']);
    expect(versions[0]).toMatch(/^v20\.19\./);
  });
});
