import { auditLogErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import type { Logger, Metrics } from '@countersign/runtime';

/**
 * Whether this process may append. While what it has contradicts what was signed, or its head guard cannot be relied on,
 * it may not: whatever is released rests on a record, so nothing is released either.
 */
export interface Halt {
  /** Takes note of why the log may not go on; other errors, and a database that does not answer, are none of its business. */
  note(error: unknown): void;
  /** What was compared agrees again. */
  clear(): void;
  /** Why nothing may be appended now, for whoever asked: what a person must do is in the service's log. */
  refusal(): CodedError | undefined;
}

export function createHalt(dependencies: {
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'gauge'> | undefined;
}): Halt {
  const { logger, metrics } = dependencies;
  let reason: CodedError | undefined;
  metrics?.gauge('countersign_log_halted', '1 while nothing is appended, as the log contradicts what was signed', () =>
    reason === undefined ? 0 : 1,
  );
  return {
    note(error) {
      if (!isCodedError(error, 'log_inconsistent') && !isCodedError(error, 'log_guard_unusable')) return;
      if (reason?.detail !== error.detail)
        logger.error(
          { code: error.code, detail: error.detail },
          'the audit log has stopped: nothing is appended or released',
        );
      reason = error;
    },
    clear() {
      if (reason !== undefined) logger.warn({}, 'what the audit log compares agrees again: appending goes on');
      reason = undefined;
    },
    refusal() {
      if (reason === undefined) return undefined;
      return reason.code === 'log_guard_unusable'
        ? auditLogErrors.error(
            'log_guard_unusable',
            'The audit log has stopped, as this node cannot use its head guard. Nothing was released. The operator finds what to do in the log of the service.',
          )
        : auditLogErrors.error(
            'log_inconsistent',
            'The audit log has stopped, as it contradicts what was signed before. Nothing was released. The operator finds what to do in the log of the service.',
          );
    },
  };
}
