// Copies a log in a process of its own, so that tests can kill it. Runs the TypeScript sources, not a build that may be
// stale. Arguments: address of the log, folder, verifier key. Tells its parent one JSON line: {size} or {failed}.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const [address, folder, vkey] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const { module } = await runnerImport(fileURLToPath(new URL('./run-mirror.ts', import.meta.url)), {
  root: fileURLToPath(new URL('../../../..', import.meta.url)),
  configFile: false,
  logLevel: 'silent',
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['node', 'import'] } },
});
try {
  say({ began: true });
  say({ size: await module.runMirror({ address, folder, vkey }) });
} catch (error) {
  say({ failed: error.code ?? String(error) });
  process.exit(1);
}
