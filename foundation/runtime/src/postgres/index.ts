/** The embedded database: a real PostgreSQL as a child process. Read embedded-postgres.ts first. */
export { createFileDurably, writeFileDurably } from './durable-file.ts';
export {
  type EmbeddedConnection,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';
export { embeddedPostgresErrors } from './errors.ts';
