// Runs a witness in a process of its own, so that tests can kill it. Runs the TypeScript sources, not a build that may be
// stale. Arguments: folder, name, port (0 for any), then
// verifier keys of logs. Tells its parent one JSON line: {address, key} or {failed}.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const [folder, name, port, ...vkeys] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const root = fileURLToPath(new URL('../../../..', import.meta.url));
const { module } = await runnerImport(fileURLToPath(new URL('./serve-witness.ts', import.meta.url)), {
  root,
  configFile: false,
  logLevel: 'silent',
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['node', 'import'] } },
});
try {
  say(await module.serveWitness({ folder, name, port: Number(port), vkeys }));
} catch (error) {
  say({ failed: error.code ?? String(error) });
  process.exit(1);
}
