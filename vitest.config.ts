import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Tests read the TypeScript sources of every room (the `source` export condition), never a stale build.
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['node', 'import'] } },
  test: {
    include: ['**/src/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // One throw-away PostgreSQL for the whole run.
    globalSetup: ['testkit/src/vitest-global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
