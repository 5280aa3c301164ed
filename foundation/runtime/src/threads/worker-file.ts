/**
 * The file of a worker thread's code. Threads cannot load TypeScript, so when the caller runs from source (`src`, under the test
 * runner), the thread runs from the build (`dist`).
 *
 * @param from `import.meta.url` of the caller
 * @param path relative path of the thread's source, e.g. `../shadow/shadow-worker.ts`
 */
export function workerFile(from: string, path: string): URL {
  const file = new URL(path, from).href.replace(/\.ts$/, '.js');
  return new URL(from.endsWith('.ts') ? file.replace(/\/src\/(?!.*\/src\/)/, '/dist/') : file);
}
