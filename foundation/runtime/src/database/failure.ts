import { errorVocabulary, isCodedError } from '@countersign/kernel';

export const databaseErrors = errorVocabulary({
  /** The database cannot be reached, cannot write, or did not answer in time. Retrying later may help. */
  database_unavailable: 'unavailable',
  database_url_invalid: 'invalid',
  /** It answers, but is not fit to keep evidence (old, read-only, not durable). */
  database_unsuitable: 'unavailable',
  roles_secret_invalid: 'invalid',
  /** A process that may not migrate found another schema than that of its release. */
  database_not_migrated: 'unavailable',
  /** A bounded queue is full: more comes in than the database takes. */
  overloaded: 'unavailable',
  shutting_down: 'unavailable',
});

// What the operating system says when a connection cannot be made or is lost.
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
]);

// The driver reports these without a code.
const driverMessages =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client was closed|Client has encountered a connection error|Cannot use a pool after calling end|The server does not support SSL|connection error)/i;

// PostgreSQL's own (appendix A of its manual). Classes: 08 connection, 53 resources (disk full, connections,
// memory), 57P administrator's stop and start-up, 58 input/output, XX corruption.
const stateClasses = /^(?:08|53|57P|58)/;
const states = new Set([
  '28P01', // the role's password is not what the server has: another node changed it
  '28000',
  '25006', // read-only: a fail-over has left us on the standby
  '25P03', // idle in transaction for too long: the server has ended the session
  '25P04',
  '40001', // serialization failure, deadlock: the same again may pass
  '40P01',
  '55P03', // lock timeout
  '57014', // statement timeout
  'XX001',
  'XX002',
]);

/** Whether `error` comes from the state of the database or of the way there, and not from what was asked. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (isCodedError(error)) return error.code === 'database_unavailable';
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return networkCodes.has(code) || stateClasses.test(code) || states.has(code) || driverMessages.test(error.message);
}

/**
 * What to throw for an error of the database driver: CodedError `database_unavailable` when the database
 * cannot answer now; anything else (a violated constraint, our own bug, an error that is coded already)
 * unchanged. What became of a statement in flight is not known; callers repeat it only if it is idempotent.
 */
export function databaseFailure(error: unknown): unknown {
  if (isCodedError(error) || !isDatabaseUnavailable(error)) return error;
  return databaseErrors.error('database_unavailable', 'The database cannot answer now. Try again shortly.', {
    cause: error,
    internal: describe(error),
  });
}

/** Code and message only: PostgreSQL's `detail` may quote row values. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${String(error.code)} ${error.message}` : error.message;
}
