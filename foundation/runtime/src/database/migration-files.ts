import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorVocabulary, sha256 } from '@countersign/kernel';

export const migrationErrors = errorVocabulary({
  migration_misnamed: 'invalid',
  /** A migration that was already applied has been edited. */
  migration_changed: 'conflict',
  /** The database has been migrated by a later release. */
  migration_unknown: 'conflict',
  migration_out_of_order: 'conflict',
  migration_failed: 'unavailable',
  /** Another node migrates, or something holds a table for too long. */
  migration_blocked: 'unavailable',
  /** The owner lacks the rights to create what the components need. */
  database_owner_unprivileged: 'forbidden',
  /** A component's role has more rights than it should have. */
  database_role_unsafe: 'conflict',
  roles_secret_mismatch: 'conflict',
});

export interface MigrationFile {
  readonly number: number;
  /** Name without the number, e.g. `entries`. */
  readonly name: string;
  readonly fileName: string;
  readonly sql: string;
  readonly digest: string;
}

/**
 * Reads the migrations of one component, in order: `NNNN_name.sql`, plain SQL, forward only. Each runs in its own transaction
 * with the component's schema as `search_path`.
 *
 * @throws CodedError `migration_misnamed` for any other name, a duplicate number, or a file that would end its own transaction
 */
export function readMigrations(folder: string | URL): MigrationFile[] {
  const path = typeof folder === 'string' ? folder : fileURLToPath(folder);
  const files = readdirSync(path)
    .filter((fileName) => !fileName.startsWith('.'))
    .sort()
    .map((fileName) => readMigration(path, fileName));
  files.forEach((file, index) => {
    if (file.number === files[index - 1]?.number) throw misnamed(file.fileName, 'its number is used twice');
  });
  return files;
}

function readMigration(folder: string, fileName: string): MigrationFile {
  const named = /^(\d{4})_([a-z0-9]+(?:[-_][a-z0-9]+)*)\.sql$/.exec(fileName);
  if (named?.[1] === undefined || named[2] === undefined)
    throw misnamed(fileName, 'migrations are called NNNN_name.sql');
  // A checkout on Windows may have other line endings; the migration is the same.
  const sql = readFileSync(join(folder, fileName), 'utf8').replaceAll('\r\n', '\n');
  if (/^\s*(?:commit|rollback)\s*;/im.test(sql)) throw misnamed(fileName, 'it ends the transaction it runs in');
  return { number: Number(named[1]), name: named[2], fileName, sql, digest: sha256(sql).toString('hex') };
}

function misnamed(fileName: string, why: string): Error {
  return migrationErrors.error('migration_misnamed', `The migration ${fileName} cannot be used: ${why}.`);
}
