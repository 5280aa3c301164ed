import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Configuration, initProcesses, migrateDatabase, prepareSplitDevelopment } from '@countersign/server';
import { freePort } from '@countersign/testkit';
import { freePortRange } from '../../../examples/src/demo/free-port.ts';

/** A split installation on its own PostgreSQL, with no process running yet. */
export interface PreparedSplit {
  readonly configuration: Configuration;
  readonly configurationFile: string;
  /** The output of `processes init`. */
  readonly processes: string;
  /** Waits until all of it answers. */
  untilReady(): Promise<void>;
  /** Stops the database. */
  stop(): Promise<void>;
}

export async function prepareSplit(folder: string): Promise<PreparedSplit> {
  const home = join(folder, 'installation');
  mkdirSync(home, { mode: 0o711 });
  const { setup, stop } = await prepareSplitDevelopment({ folder: home, port: await freePort() });
  const { configurationFile, configuration } = setup;
  const processes = join(folder, 'processes');
  await initProcesses({ configurationFile, folder: processes, firstPort: await freePortRange(12) });
  await migrateDatabase({ configurationFile, say: () => undefined });
  return {
    ...{ configuration, configurationFile, processes, stop },
    async untilReady() {
      const deadline = performance.now() + 60_000;
      while ((await fetch(`${configuration.issuer}/readyz`)).status !== 200) {
        if (performance.now() >= deadline) throw new Error('the processes are not ready');
        await sleep(100);
      }
    },
  };
}
