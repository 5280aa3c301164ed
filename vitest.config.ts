import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Tests read the TypeScript sources of every room (the `source` export condition), never a stale build.
const fromSources = {
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['node', 'import'] } },
};
// Files share a process and one set of modules, which halves the time that they take: what a test changes of its process
// (a spy, the environment) it puts back.
const common = {
  setupFiles: ['testkit/src/vitest-setup.ts'],
  // Long enough for a machine that is very busy: what is never going to come is found out all the same.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 60_000 } },
  pool: 'forks' as const,
  isolate: false,
};
const outside = ['**/node_modules/**', '**/dist/**'];

/** Functions over bytes, without state and without a database. */
const formats = ['foundation/kernel', 'protocols'].map((rooms) => `${rooms}/**/src/**/!(*.browser|*.slow).test.ts`);
/**
 * The system as a whole: processes that are started and killed, real browsers, guides, benchmarks; and what asks thousands of
 * questions (`*.slow.test.ts`). `npm run test:slow` runs it.
 */
const whole = [
  ...['tests', 'benchmarks', 'apps/evidence-page'].map((room) => `${room}/src/**/*.test.ts`),
  ...['killed-*', '*.browser', '*.slow'].map((name) => `**/src/**/${name}.test.ts`),
];
/** The longest files start first, so that no processor waits at the end for a single file. */
const longest = ['benchmarks/src/smoke', 'tests/src/guides/', 'tests/src/processes/', 'tests/src/', 'benchmarks/src/'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((start) => relative(this.ctx.config.root, moduleId).startsWith(start));
      return place === -1 ? longest.length : place;
    };
    // Stable: of equal rank they come as Vitest has them, project by project.
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default', './scripts/tally-reporter.mjs'],
    sequence: { sequencer: LongestFirst },
    projects: [
      { ...fromSources, test: { ...common, name: 'formats', include: formats, exclude: outside } },
      {
        ...fromSources,
        test: {
          ...common,
          name: 'rooms',
          include: ['**/src/**/*.test.ts'],
          exclude: [...outside, ...formats, ...whole],
          // One throw-away PostgreSQL for the whole run.
          globalSetup: ['testkit/src/vitest-global-setup.ts'],
        },
      },
      {
        ...fromSources,
        test: {
          ...common,
          name: 'whole',
          include: whole,
          exclude: [...outside, ...formats],
          globalSetup: ['testkit/src/vitest-global-setup.ts'],
        },
      },
    ],
  },
});
