import { sha256 } from '@countersign/kernel';
import pg from 'pg';
import type { MigrationFile } from './migration-files.ts';
import type { ComponentRole } from './roles.ts';

/** Tells the migrations of one release from those of another. */
export function digestOfMigrations(files: readonly MigrationFile[]): string {
  return sha256(JSON.stringify(files.map(({ fileName, digest }) => [fileName, digest]))).toString('hex');
}

/**
 * Says in the component's schema which migrations it holds, where the component's role may read it and not change it: the history
 * in `countersign_meta` is the owner's alone.
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

/** As the component's role. @returns undefined where nothing has been published yet */
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

/** No such schema, no such function, no right to use either. */
const notThere = new Set(['3F000', '42883', '42501']);
