import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs OpenSSL on files of a temporary folder. */
export function createOpenssl() {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  return {
    path: (name: string) => join(folder, name),
    write(name: string, content: string | Uint8Array): string {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
    read: (name: string): Uint8Array => readFileSync(join(folder, name)),
    /** @returns standard output @throws Error with standard error */
    run: (...args: readonly string[]): string =>
      execFileSync('openssl', [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    close: () => rmSync(folder, { recursive: true }),
  };
}
