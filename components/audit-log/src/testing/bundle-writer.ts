import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/**
 * Bundles the current sources of the writer into one file that starts quickly, because tests start and kill dozens of them.
 * The file is placed where its packages are found. @returns the file, and its removal
 */
export async function bundleWriter(): Promise<{ readonly file: string; remove(): void }> {
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const outDir = mkdtempSync(join(cache, 'countersign-writer-'));
  const conditions = ['source', 'node', 'import'];
  await build({
    root,
    configFile: false,
    logLevel: 'silent',
    ssr: { noExternal: [/^@countersign\//], resolve: { conditions, externalConditions: ['node', 'import'] } },
    build: {
      ssr: fileURLToPath(new URL('./writer-process.ts', import.meta.url)),
      outDir,
      minify: false,
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'writer.mjs' } },
    },
  });
  return { file: join(outDir, 'writer.mjs'), remove: () => rmSync(outDir, { recursive: true, force: true }) };
}
