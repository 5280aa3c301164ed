import { createLogger } from '@countersign/runtime';
import { prepareDevelopment, startControlPlane } from '@countersign/server';
import { runMeasured, type Server } from './measured-server.ts';

export interface ControlPlaneSettings {
  readonly dataFolder: string;
  readonly port: number;
}

/** The real control plane, all components and its embedded PostgreSQL, as a development start makes it. */
async function startControlPlaneServer(
  { dataFolder, port }: ControlPlaneSettings,
  onProgress: (message: string) => void,
): Promise<Server> {
  const { configuration } = prepareDevelopment({ dataFolder, port });
  const logger = createLogger({ level: 'warn', name: 'countersign' });
  const controlPlane = await startControlPlane(configuration, { onProgress, logger });
  return { url: controlPlane.address, stop: () => controlPlane.stop() };
}

await runMeasured(startControlPlaneServer);
