// Takes the documentation's pictures of pages for people (docs/pictures), by the browser tests that walk through them:
// what is shown is what was tested.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = fileURLToPath(new URL('../docs/pictures', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, 'run', 'tests/src/people/'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, COUNTERSIGN_PICTURES: folder, COUNTERSIGN_COMPONENTS: 'required' },
});
process.exitCode = status ?? 1;
