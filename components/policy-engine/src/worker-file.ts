/**
 * Where the code of a worker thread is: beside its caller. A thread does not read TypeScript, so where the caller runs
 * from its source (`src`, under the test runner) the thread runs from the build (`dist`).
 *
 * @param name path below the source folder without its ending, e.g. `shadow/shadow-worker`
 */
export function workerFile(name: string): URL {
  const here = import.meta.url;
  return new URL(here.endsWith('.ts') ? `../dist/${name}.js` : `./${name}.js`, here);
}
