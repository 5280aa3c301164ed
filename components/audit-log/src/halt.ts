import { auditLogErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import type { Logger, Metrics } from '@countersign/runtime';

/** While the database contradicts what was signed, nothing may be appended, and so nothing is released. */
export interface Halt {
  /** Stops appending for an inconsistency or an unusable head guard; ignores other errors. */
  note(error: unknown): void;
  clear(): void;
  /** The refusal for callers. The operator's instructions are in the server log. */
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
