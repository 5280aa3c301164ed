import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { createLogger } from '@countersign/runtime';
import { type Configuration, prepareDevelopment, startControlPlane } from '@countersign/server';
import { fillLog } from './fill-log.ts';
import { databaseUrlFile, runMeasured, type Server } from './measured-server.ts';

export interface ControlPlaneSettings {
  readonly dataFolder: string;
  readonly port: number;
  /** Whether it is the second node of a control plane that runs on this data folder. */
  readonly second: boolean;
  /** A listener for mutual TLS beside the main one. */
  readonly mutualTls?:
    | { readonly port: number; readonly certificateFile: string; readonly keyFile: string }
    | undefined;
  /** Settings of `keys`; as a development start makes them when left out. */
  readonly keys?: Partial<Configuration['keys']> | undefined;
}

/**
 * The real control plane, all components, as a development start makes it. Its embedded PostgreSQL is started here, by
 * the function that the control plane would call and as a child of the same process, so that a second node and the
 * benchmark can reach it too.
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
        // Nobody here holds a key: sign-in with one has a suite of its own.
        signIn: { methods: ['development'] },
        ...mutualTlsOf(mutualTls),
        keys: { ...configuration.keys, ...keys },
        listen,
        databaseUrl: `file:${urlFile}`,
      },
      // A start for development holds every record against its schema, which one for production does not.
      { onProgress, logger, unfitRecords: 'unchecked' },
    );
    return {
      // As the issuer is called; the second has a port of its own.
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
  const { user, password, host, port, database } = postgres.connection;
  writeFileSync(urlFile, `postgres://${user}:${password}@${host}:${port}/${database}`, { mode: 0o600 });
  return postgres;
}

await runMeasured(startControlPlaneServer);
