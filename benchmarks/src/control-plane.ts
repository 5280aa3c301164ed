import { chmodSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { introduce, type Market, makeMarket } from './market.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import { closeServer, listenOnLoopback } from './servers/loopback.ts';

/** Our server under measurement, with the market of the benchmark in its directory. */
export interface MeasuredControlPlane {
  readonly server: ServerProcess;
  readonly issuer: string;
  readonly market: Market;
}

export async function startControlPlaneProcess(options: {
  readonly folder: string;
  readonly profileFolder?: string | undefined;
  readonly onProgress: (message: string) => void;
}): Promise<MeasuredControlPlane> {
  const dataFolder = join(options.folder, 'control-plane');
  mkdirSync(dataFolder, { recursive: true });
  // As the folder around it: the account of PostgreSQL has to pass, or the data would go elsewhere and stay there.
  chmodSync(dataFolder, 0o711);
  const server = await startServerProcess({
    name: 'control-plane-server',
    settings: { dataFolder, port: await freePort() },
    onProgress: (message) => options.onProgress(`control plane: ${message}`),
    profileFolder: options.profileFolder,
  });
  try {
    const market = makeMarket();
    await introduce(market, { issuer: server.url, dataFolder });
    return { server, issuer: server.url, market };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Known beforehand, because the issuer's name holds it. */
async function freePort(): Promise<number> {
  const server = createServer();
  const url = await listenOnLoopback(server);
  await closeServer(server);
  return Number(new URL(url).port);
}
