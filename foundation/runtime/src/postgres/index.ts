/** The embedded database: a real PostgreSQL as a child process. Read embedded-postgres.ts first. */
export { createFileDurably, syncFolder, writeFileDurably } from './durable-file.ts';
export {
  type EmbeddedConnection,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';
export { embeddedPostgresErrors, systemErrorCode } from './errors.ts';
export { makeFolder } from './make-folder.ts';
export { acquireOwnerLock, type OwnerLock } from './owner-lock.ts';
