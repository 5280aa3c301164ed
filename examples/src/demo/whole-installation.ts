import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation } from './installation.ts';
import type { Processes } from './processes.ts';

const name = 'control plane';

/** One process with every component, and a database of its own: `countersign start`. */
export async function startWholeInstallation({
  processes,
  dataFolder,
  port,
  onProgress,
}: {
  readonly processes: Processes;
  readonly dataFolder: string;
  /** Used on the first start only; a kept folder already has an address. */
  readonly port: number;
  readonly onProgress: (text: string) => void;
}): Promise<Installation> {
  const start = () => processes.startServer(name, ['--data', dataFolder, '--port', String(port)], onProgress);
  let running = await start();
  const described = () => ({ name, pid: running.pid, holds: ['every component, database role and signing key'] });
  const { issuer } = JSON.parse(readFileSync(join(dataFolder, 'countersign.json'), 'utf8')) as { issuer: string };
  return {
    issuer,
    dataFolder,
    isSplit: false,
    get processes() {
      return [described()];
    },
    async start() {
      running = await start();
      return described();
    },
    async kill() {
      await running.kill();
      return described();
    },
    secretsOf(group) {
      const installation = readFileSync(join(dataFolder, 'roles-secret'), 'utf8').trim();
      const postmaster = readFileSync(join(dataFolder, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n');
      return {
        rolesSecret: createHmac('sha256', installation)
          .update(`countersign database roles of a group\0${group}`)
          .digest('base64url'),
        database: { host: '127.0.0.1', port: Number(postmaster[3]), database: 'countersign' },
      };
    },
  };
}
