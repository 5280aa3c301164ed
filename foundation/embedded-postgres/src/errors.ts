import { type CodedError, errorVocabulary, isCodedError } from '@countersign/kernel';
import { systemErrorCode } from '@countersign/runtime';

/** Why the embedded PostgreSQL does not start. Each detail says what to do next. */
export const embeddedPostgresErrors = errorVocabulary({
  postgres_package_missing: 'unavailable',
  postgres_binary_unusable: 'unavailable',
  postgres_account_missing: 'unavailable',
  postgres_init_failed: 'unavailable',
  postgres_start_failed: 'unavailable',
  postgres_version_mismatch: 'unavailable',
  postgres_password_missing: 'unavailable',
  postgres_leftover_stuck: 'unavailable',
  database_in_use: 'conflict',
  database_folder_missing: 'unavailable',
  database_folder_unusable: 'unavailable',
  database_disk_full: 'unavailable',
});

/** Converts a file system error into a coded error about `folder`; other errors pass unchanged. */
export function folderFailure(error: unknown, folder: string): unknown {
  if (isCodedError(error)) return error;
  switch (systemErrorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(folder, error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
      return embeddedPostgresErrors.error(
        'database_folder_unusable',
        `The database cannot be kept in ${folder}. Name a folder this account may write, or set DATABASE_URL to your own PostgreSQL.`,
        { cause: error, internal: String(error) },
      );
    default:
      return error;
  }
}

export function diskFull(folder: string, cause?: unknown): CodedError {
  return embeddedPostgresErrors.error(
    'database_disk_full',
    `The disk that holds ${folder} is full. Free some space and start again; nothing that was committed is lost.`,
    cause === undefined ? {} : { cause, internal: String(cause) },
  );
}
