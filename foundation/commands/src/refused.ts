import type { AuditAppender, RecordDraft } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';

/** A refusal that is recorded before it is thrown, outside of the transaction that it ends. */
export class Refused extends Error {
  readonly #error: CodedError;
  readonly #draft: RecordDraft | undefined;

  constructor(error: CodedError, draft: RecordDraft | undefined) {
    super(error.message);
    this.#error = error;
    this.#draft = draft;
  }

  /** Records it. @throws the refusal, or CodedError `log_unavailable` */
  async tell(log: AuditAppender): Promise<never> {
    if (this.#draft !== undefined) await log.append(this.#draft);
    throw this.#error;
  }
}
