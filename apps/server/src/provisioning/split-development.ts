import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { type DevelopmentSetup, prepareDevelopment } from '../configuration/index.ts';

/** A development installation of several processes with a shared database, which this process runs. */
export interface SplitDevelopment {
  /** For `countersign migrate` and `countersign processes init`. */
  readonly setup: DevelopmentSetup;
  /** Stops the database. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts an embedded PostgreSQL in a new folder and creates the development configuration of an installation that uses it. It
 * does not migrate the database or start processes; the commands do that.
 *
 * @param options.folder new; the account of the database server must be able to traverse it
 * @param options.port becomes part of the issuer
 * @throws CodedError those of `startEmbeddedPostgres` and {@link prepareDevelopment}
 */
export async function prepareSplitDevelopment(options: {
  readonly folder: string;
  readonly port: number;
  readonly onProgress?: (message: string) => void;
}): Promise<SplitDevelopment> {
  const folder = resolve(options.folder);
  const server = join(folder, 'database');
  mkdirSync(server, { recursive: true, mode: 0o711 });
  const postgres = await startEmbeddedPostgres({
    dataFolder: join(server, 'postgres'),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  try {
    const { user, password, host, port, database } = postgres.connection;
    const owner = join(folder, 'owner-url');
    const address = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
    writeFileSync(owner, `${address}\n`, { mode: 0o600 });
    const setup = prepareDevelopment({
      dataFolder: join(folder, 'data'),
      port: options.port,
      databaseUrl: `file:${owner}`,
    });
    return { setup, stop: () => postgres.stop() };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
