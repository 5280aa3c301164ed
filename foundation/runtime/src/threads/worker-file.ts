/**
 * Where the code of a worker thread is. A thread does not read TypeScript, so where its caller runs from its source (`src`,
 * under the test runner) the thread runs from the build (`dist`).
 *
 * @param from `import.meta.url` of the caller
 * @param path of the thread's source from there, e.g. `../shadow/shadow-worker.ts`
 */
export function workerFile(from: string, path: string): URL {
  const file = new URL(path, from).href.replace(/\.ts$/, '.js');
  return new URL(from.endsWith('.ts') ? file.replace(/\/src\/(?!.*\/src\/)/, '/dist/') : file);
}
