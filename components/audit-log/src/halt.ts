import { auditLogErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
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
      if (!auditLogErrors.is(error, 'log_inconsistent') && !auditLogErrors.is(error, 'log_guard_unusable')) return;
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
            'The audit log has stopped because this node cannot use its head guard. Nothing was recorded. The service log tells the operator what to do.',
          )
        : auditLogErrors.error(
            'log_inconsistent',
            'The audit log has stopped because it contradicts what it signed. Nothing was recorded. The service log tells the operator what to do.',
          );
    },
  };
}
