import { errorVocabulary, isCodedError } from '@countersign/kernel';

export const databaseErrors = errorVocabulary({
  /** The database is unreachable, cannot write, or did not respond in time. A later retry may succeed. */
  database_unavailable: 'unavailable',
  database_url_invalid: 'invalid',
  /** The database responds but must not store evidence: too old, read-only, or not durable. */
  database_unsuitable: 'unavailable',
  roles_secret_invalid: 'invalid',
  /** A process without migration rights found a schema of another release. */
  database_not_migrated: 'unavailable',
  /** A bounded queue is full, because writes arrive faster than the database accepts them. */
  overloaded: 'unavailable',
  shutting_down: 'unavailable',
});

// Error codes of the operating system for failed or lost connections.
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

// Messages that the driver reports without a code.
const driverMessages =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client was closed|Client has encountered a connection error|Cannot use a pool after calling end|The server does not support SSL|connection error)/i;

// PostgreSQL's error codes (appendix A of its manual). Classes: 08 connection, 53 resources (disk full, connections, memory), 57P
// administrator's stop and start-up, 58 input/output, XX corruption.
const stateClasses = /^(?:08|53|57P|58)/;
const states = new Set([
  '28P01', // the role's password differs on the server: another node changed it
  '28000',
  '25006', // read-only: after a fail-over we are still connected to the standby
  '25P03', // idle in transaction for too long: the server ended the session
  '25P04',
  '40001', // serialization failure or deadlock: a retry may succeed
  '40P01',
  '55P03', // lock timeout
  '57014', // statement timeout
  'XX001',
  'XX002',
]);

/** Whether `error` was caused by the state of the database or the network, and not by the statement. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (isCodedError(error)) return error.code === 'database_unavailable';
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return networkCodes.has(code) || stateClasses.test(code) || states.has(code) || driverMessages.test(error.message);
}

/**
 * Converts an error of the database driver: to CodedError `database_unavailable` when the database cannot respond now. Any other
 * error (a violated constraint, our own bug, an error that is already coded) is returned unchanged. The outcome of a statement in
 * flight is unknown, so callers may repeat it only if it is idempotent.
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
