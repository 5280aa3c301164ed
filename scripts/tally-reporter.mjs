/** A Vitest reporter: the result of a run in one plain line, `tests: N passed, N failed, N skipped`, for whoever reads a long log. */
export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    // A file that does not load and an error outside of every test are failures too.
    const tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) tally.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        tally[state === 'pending' ? 'failed' : state]++;
      }
    }
    console.log(`tests: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
  }
}
