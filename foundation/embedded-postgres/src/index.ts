/** The embedded database of development: a real PostgreSQL as a child process. Read embedded-postgres.ts first. */
export { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
