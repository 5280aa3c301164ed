import type { AuditLog } from '@countersign/contracts';
import type { Logger } from '@countersign/runtime';
import { createFold, foldedTypes, type SecretsState } from './fold.ts';

const pageSize = 1_000;

/** Definitions and proposals, read from the log. */
export interface Ledger {
  /** The state, at least as new as the call. @throws CodedError `log_unavailable` */
  current(): Promise<SecretsState>;
}

export function createLedger({
  log,
  logger,
}: {
  readonly log: Pick<AuditLog, 'search'>;
  readonly logger: Logger;
}): Ledger {
  const fold = createFold(({ id, type }) =>
    logger.error({ record: id, type }, 'a record about roles, secrets or keys of venues cannot be read'),
  );
  return {
    async current() {
      for (;;) {
        const { upTo } = fold.state();
        const page = await log.search({ types: foldedTypes, after: upTo, limit: pageSize });
        for (const entry of page) fold.take(entry);
        if (page.length < pageSize) return fold.state();
      }
    },
  };
}
