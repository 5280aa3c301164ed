import { defineConfig } from 'vitest/config';

// Tests read the TypeScript sources of every room (the `source` export condition), never a stale build.
const fromSources = {
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['node', 'import'] } },
};
const common = { testTimeout: 30_000, hookTimeout: 60_000, pool: 'forks' as const };
const outside = ['**/node_modules/**', '**/dist/**'];

/** Functions over bytes, without state: their files share one set of modules, which halves the time that they take. */
const formats = ['foundation/kernel', 'protocols'].map((rooms) => `${rooms}/**/src/**/!(*.browser).test.ts`);

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { ...fromSources, test: { ...common, name: 'formats', include: formats, exclude: outside, isolate: false } },
      {
        ...fromSources,
        test: {
          ...common,
          name: 'rooms',
          include: ['**/src/**/*.test.ts'],
          exclude: [...outside, ...formats],
          // One throw-away PostgreSQL for the whole run.
          globalSetup: ['testkit/src/vitest-global-setup.ts'],
        },
      },
    ],
  },
});
