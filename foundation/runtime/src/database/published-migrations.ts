import { sha256 } from '@countersign/kernel';
import pg from 'pg';
import type { MigrationFile } from './migration-files.ts';
import type { ComponentRole } from './roles.ts';

/** Digest that identifies the migrations of a release. */
export function digestOfMigrations(files: readonly MigrationFile[]): string {
  return sha256(JSON.stringify(files.map(({ fileName, digest }) => [fileName, digest]))).toString('hex');
}

/**
 * Publishes the applied migrations in the component's schema, where the component's role can read but not change them. Only the
 * owner can read the history in `countersign_meta`.
 */
export async function publishMigrations(
  client: pg.ClientBase,
  { schema }: ComponentRole,
  files: readonly MigrationFile[],
): Promise<void> {
  const body = pg.escapeLiteral(`select '${digestOfMigrations(files)}'`);
  await client.query(
    `create or replace function ${pg.escapeIdentifier(schema)}.migrations_digest() returns text
       language sql immutable parallel safe as ${body}`,
  );
}

/** For the component's role. @returns undefined when nothing has been published yet */
export async function readPublishedMigrations(
  client: pg.ClientBase,
  { schema }: Pick<ComponentRole, 'schema'>,
): Promise<string | undefined> {
  try {
    const { rows } = await client.query<{ digest: string }>(
      `select ${pg.escapeIdentifier(schema)}.migrations_digest() as digest`,
    );
    return rows[0]?.digest;
  } catch (error) {
    if (error instanceof pg.DatabaseError && notThere.has(error.code ?? '')) return undefined;
    throw error;
  }
}

/** Error codes for a missing schema, a missing function, and missing rights. */
const notThere = new Set(['3F000', '42883', '42501']);
