// Types, lint, boundaries, unused code: everything that can be said without running the product.
import { spawnSync } from 'node:child_process';

const steps = [
  ['types', ['tsc', '-b']],
  ['tests compile too', ['tsc', '-p', 'tsconfig.tests.json']],
  ['lint and format', ['biome', 'check', '--error-on-warnings']],
  [
    'boundaries',
    [
      'depcruise',
      '--config',
      '.dependency-cruiser.cjs',
      'foundation',
      'protocols',
      'components',
      'apps',
      'sdk',
      'examples',
      'testkit',
    ],
  ],
  ['folders and doors', ['node', 'scripts/structure.mjs', '--check']],
  ['casts say why', ['node', 'scripts/casts.mjs']],
  ['plain words', ['node', 'scripts/plain-words.mjs', '--comments']],
  ['unused code', ['knip']],
];

let failed = 0;
for (const [title, [command, ...args]] of steps) {
  const started = Date.now();
  const ours = command === 'node';
  const result = spawnSync(ours ? process.execPath : 'npx', ours ? args : ['--no-install', command, ...args], {
    encoding: 'utf8',
    shell: !ours && process.platform === 'win32',
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${result.status === 0 ? 'ok  ' : 'FAIL'} ${title} (${seconds} s)`);
  if (result.status !== 0) {
    failed++;
    console.log(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
