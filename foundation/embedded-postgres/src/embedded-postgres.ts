import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '@countersign/kernel';
import { acquireOwnerLock, type OwnerConnection } from '@countersign/runtime';
import pg from 'pg';
import { prepareCluster, superuser } from './cluster.ts';
import { clusterIn, locateData } from './data-location.ts';
import { embeddedPostgresErrors, folderFailure } from './errors.ts';
import { settleLeftoverServer } from './leftover-server.ts';
import { findPlatformPackage } from './platform-package.ts';
import { preparePostgresRuntime, runtimeFolders } from './runtime-copy.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { sendSignal } from './stop-server.ts';

export interface EmbeddedPostgres {
  readonly connection: OwnerConnection;
  /** Actual location of the data: the folder to back up. */
  readonly dataFolder: string;
  /** Explanations for people where the location of the data or the port differs from the request. */
  readonly notes: readonly string[];
  /** Shuts the server down and waits for it. Idempotent. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly dataFolder: string;
  /** Preferred port; a free one is used when it is taken or left out. */
  readonly port?: number;
  readonly logger?: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Progress messages for people. */
  readonly onProgress?: (message: string) => void;
  /** Folders for the data when the server's account cannot work in `dataFolder`; tests use their own. */
  readonly fallbackRoots?: readonly string[];
}

const database = 'countersign';

/**
 * Runs a real PostgreSQL on `dataFolder` as a child process, on the loopback interface, behind a random
 * password. Creates the data on the first start; recovers after a crash of the server, of this process or
 * of the machine; restarts the server on the same port should it die.
 *
 * @throws CodedError of {@link embeddedPostgresErrors}, each saying what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(options);
  } catch (error) {
    throw folderFailure(error, options.dataFolder);
  }
}

async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const onProgress = options.onProgress ?? (() => undefined);
  const log = options.logger ?? (() => undefined);
  const location = locateData(options.dataFolder, options.fallbackRoots);
  const { folder, account } = location;
  const lock = await acquireOwnerLock({
    folder,
    onProgress,
    inUse: (owner) =>
      embeddedPostgresErrors.error(
        'database_in_use',
        `The database in ${folder} is in use by ${owner}. Stop that one first, or give this one a data folder of its own; several nodes share a database through DATABASE_URL.`,
      ),
  });
  try {
    const runtime = await preparePostgresRuntime({
      source: findPlatformPackage(),
      account,
      folders: runtimeFolders(folder),
      onProgress,
    });
    const { password } = await prepareCluster({ folder, account, runtime, onProgress });
    const settle = () => settleLeftoverServer({ cluster: clusterIn(folder), pgCtl: runtime.bin('pg_ctl'), onProgress });
    const leftover = await settle();
    if (leftover !== 'none') log('embedded PostgreSQL was not shut down last time', { leftover });

    const serverOptions = { runtime, folder, account, onProgress };
    const first = await startServer({
      ...serverOptions,
      ...defined({ preferredPort: options.port }),
    });
    const connection = { host: '127.0.0.1', port: first.port, user: superuser, password, database };
    const running = keepRunning({
      first,
      log,
      restart: async () => {
        await settle();
        return startServer({ ...serverOptions, preferredPort: first.port, onlyPort: true });
      },
    });
    try {
      await ensureDatabase(connection, clusterIn(folder));
    } catch (error) {
      await running.stop();
      throw error;
    }
    log('embedded PostgreSQL is ready', {
      port: first.port,
      pid: first.pid,
      dataFolder: folder,
      version: runtime.version,
    });

    const notes = [...location.notes];
    if (options.port !== undefined && options.port !== first.port)
      notes.push(`Port ${options.port} is taken; PostgreSQL listens on ${first.port} instead.`);
    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      try {
        await running.stop();
      } finally {
        lock.release();
      }
      log('embedded PostgreSQL has stopped', { dataFolder: folder });
    };
    return {
      connection,
      dataFolder: folder,
      notes,
      stop() {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Restarts the server when it ends unexpectedly, and ensures that it does not outlive a normal exit of this process. */
function keepRunning(options: {
  readonly first: ServerProcess;
  readonly restart: () => Promise<ServerProcess>;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let server: ServerProcess | undefined = options.first;
  // An exit handler cannot wait, but a fast shutdown finishes by itself.
  const onExit = (): void => {
    if (server !== undefined) sendSignal(server.pid, 'SIGINT');
  };
  process.on('exit', onExit);

  const supervise = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await server?.ended;
      server = undefined;
      for (let attempt = 0; server === undefined && !stopping.signal.aborted; attempt++) {
        options.log('embedded PostgreSQL ended unasked; restarting it', { attempt });
        try {
          server = await options.restart();
        } catch (error) {
          options.log('embedded PostgreSQL does not restart', { attempt, error });
          // stop() aborts the pause.
          await sleep(Math.min(100 * 2 ** attempt, 5000), undefined, { signal: stopping.signal, ref: false }).catch(
            () => undefined,
          );
        }
      }
    }
    // stop() was called during a restart.
    await server?.stop();
  };
  const supervision = supervise();

  return {
    async stop() {
      stopping.abort();
      try {
        await server?.stop();
        await supervision;
      } finally {
        process.off('exit', onExit);
      }
    },
  };
}

/** Verifies on the first connection that the server is ours, and creates our database. */
async function ensureDatabase(connection: OwnerConnection, cluster: string): Promise<void> {
  const client = new pg.Client({ ...connection, database: 'postgres', connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ folder: string; exists: boolean }>(
      `select current_setting('data_directory') as folder, exists (select from pg_database where datname = $1) as exists`,
      [database],
    );
    if (rows[0]?.folder !== cluster) throw new Error('the server on our port is not the one we started');
    if (!rows[0].exists) await client.query(`create database ${pg.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}
