import { destination, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

/** Field names that are removed from the log at the first three levels, in case they are logged by mistake. */
const secretFields = [
  'authorization',
  'dpop',
  'client_assertion',
  'assertion',
  'access_token',
  'subject_token',
  'token',
  'password',
  'secret',
  'privateKey',
  'private_key',
  'jws',
  'd',
];

/**
 * Structured log lines (JSON) with redaction. For diagnostics only; facts that must be provable go to the audit log.
 *
 * @param to a file descriptor or path; standard error by default, so that standard output is free for the program's output
 */
export function createLogger(options: {
  readonly level: string;
  readonly name: string;
  readonly to?: number | string;
}): Logger {
  return pino(
    {
      level: options.level,
      name: options.name,
      base: { name: options.name },
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
      serializers: { error: pino.stdSerializers.err },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination({ dest: options.to ?? 2, sync: true }),
  );
}
