import { scratchServerVariable } from '@countersign/runtime';
import { startTestServer } from './test-server.ts';

/** For `globalSetup` of Vitest: one PostgreSQL for the whole run, found by workers through their environment. */
export default async function setup(): Promise<() => Promise<void>> {
  const server = await startTestServer();
  process.env[scratchServerVariable] = JSON.stringify(server.connection);
  return async () => {
    delete process.env[scratchServerVariable];
    await server.stop();
  };
}
