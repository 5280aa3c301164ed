// Owns an embedded PostgreSQL in a process of its own, so that tests can kill it. Runs the TypeScript
// sources, not a build that may be stale. Arguments: data folder, then what to do once it runs.
// Tells its parent, one JSON line each: {progress}, {ready, pid}, {failed}.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const [dataFolder, then] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const { module } = await runnerImport(fileURLToPath(new URL('./index.ts', import.meta.url)), {
  root: fileURLToPath(new URL('../../..', import.meta.url)),
  configFile: false,
  ssr: { resolve: { conditions: ['source'], externalConditions: ['node', 'import'] } },
  logLevel: 'silent',
});
try {
  let serverPid;
  const server = await module.startEmbeddedPostgres({
    dataFolder,
    fallbackRoots: [],
    onProgress: (progress) => say({ progress }),
    logger: (event, fields) => {
      if (event === 'embedded PostgreSQL is ready') serverPid = fields.pid;
    },
  });
  say({ ready: server.connection, pid: serverPid });
  if (then === 'exit') process.exit(0);
  setInterval(() => undefined, 1000);
} catch (error) {
  say({ failed: error.code ?? String(error) });
  process.exit(1);
}
