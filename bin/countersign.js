#!/usr/bin/env node
// Starts the compiled command; compiles first when this checkout has not been built yet.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = new URL('../apps/cli/dist/main.js', import.meta.url);

if (!existsSync(main)) {
  process.stderr.write('Compiling once ...\n');
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  const page = fileURLToPath(new URL('../scripts/build-evidence-page.mjs', import.meta.url));
  const failed = [[tsc, '-b'], [page]].some(
    (step) => spawnSync(process.execPath, step, { cwd: root, stdio: ['ignore', 2, 2] }).status !== 0,
  );
  if (failed) {
    process.stderr.write('The sources do not compile; run `npm ci` in the checkout first.\n');
    process.exit(70);
  }
}
await import(main.href);
