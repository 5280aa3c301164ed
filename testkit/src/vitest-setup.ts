import { watchHeldPools } from '@countersign/runtime';
import fc from 'fast-check';

// For `setupFiles` of Vitest.

// In every test, using a pool while holding one of its connections throws.
watchHeldPools();

// Properties use the same seed in each run, so that failures are reproducible. With `random` each property gets a new seed, and
// fast-check reports the seed of a failure, which can be set here.
const asked = process.env['COUNTERSIGN_SEED'] ?? '20261122';
if (asked !== 'random') {
  const seed = Number(asked);
  if (!Number.isInteger(seed)) throw new Error(`COUNTERSIGN_SEED is neither a whole number nor "random": ${asked}`);
  fc.configureGlobal({ seed });
}
