import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { createLogger } from '@countersign/runtime';
import { type Configuration, prepareDevelopment, startControlPlane } from '@countersign/server';
import { fillLog } from './fill-log.ts';
import { databaseUrlFile, runMeasured, type Server, urlOf } from './measured-server.ts';

export interface ControlPlaneSettings {
  readonly dataFolder: string;
  readonly port: number;
  /** Whether it is the second node of the control plane with this data folder. */
  readonly second: boolean;
  /** A listener for mutual TLS beside the main one. */
  readonly mutualTls?:
    | { readonly port: number; readonly certificateFile: string; readonly keyFile: string }
    | undefined;
  /** Settings of `keys`; as a development start makes them when left out. */
  readonly keys?: Partial<Configuration['keys']> | undefined;
}

/**
 * The complete control plane of a development start. PostgreSQL is started here, by the function that the control plane
 * would call, so that a second node and the benchmark can connect to it too.
 */
async function startControlPlaneServer(
  { dataFolder, port, second, mutualTls, keys }: ControlPlaneSettings,
  onProgress: (message: string) => void,
): Promise<Server> {
  const { configuration } = prepareDevelopment({ dataFolder, port });
  const logger = createLogger({ level: 'warn', name: 'countersign' });
  const urlFile = join(dataFolder, databaseUrlFile);
  const postgres = second ? undefined : await startOwnPostgres(dataFolder, urlFile, onProgress);
  const listen = { ...configuration.listen, port };
  try {
    const controlPlane = await startControlPlane(
      {
        ...configuration,
        // Sign-in with keys has its own suite.
        signIn: { methods: ['development'] },
        ...mutualTlsOf(mutualTls),
        keys: { ...configuration.keys, ...keys },
        listen,
        databaseUrl: `file:${urlFile}`,
      },
      // As in production; a development start checks every record against its schema.
      { onProgress, logger, unfitRecords: 'unchecked' },
    );
    return {
      url: `http://localhost:${port}`,
      fillLog: (records) => fillLog(controlPlane.components.auditLog, records),
      async stop() {
        await controlPlane.stop();
        await postgres?.stop();
      },
    };
  } catch (error) {
    await postgres?.stop();
    throw error;
  }
}

function mutualTlsOf(asked: ControlPlaneSettings['mutualTls']) {
  if (asked === undefined) return {};
  const { port, certificateFile, keyFile } = asked;
  return {
    mutualTls: {
      baseUrl: `https://127.0.0.1:${port}`,
      listen: { host: '127.0.0.1', port },
      certificate: `file:${certificateFile}`,
      key: `file:${keyFile}`,
    },
  };
}

async function startOwnPostgres(dataFolder: string, urlFile: string, onProgress: (message: string) => void) {
  const postgres = await startEmbeddedPostgres({ dataFolder: join(dataFolder, 'postgres'), onProgress });
  writeFileSync(urlFile, urlOf(postgres.connection), { mode: 0o600 });
  return postgres;
}

await runMeasured(startControlPlaneServer);
