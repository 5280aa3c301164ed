import { watchHeldPools } from '@countersign/runtime';
import fc from 'fast-check';

// For `setupFiles` of Vitest.

// No test is about this, and each of them finds it: see there.
watchHeldPools();

// What properties are tried with is the same in each run, so that one that fails fails again.
// `random` draws anew for each property; fast-check then names the seed of what failed, which is the one to give here.
const asked = process.env['COUNTERSIGN_SEED'] ?? '20261122';
if (asked !== 'random') {
  const seed = Number(asked);
  if (!Number.isInteger(seed)) throw new Error(`COUNTERSIGN_SEED is neither a whole number nor "random": ${asked}`);
  fc.configureGlobal({ seed });
}
