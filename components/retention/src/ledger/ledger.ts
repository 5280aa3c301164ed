import { type AuditAppender, type AuditLog, type RecordDraft, recordedRequester } from '@countersign/contracts';
import { type Clock, type CodedError, newId, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { Requester } from '../dependencies.ts';
import { createFold, foldedTypes, type RetentionState } from './fold.ts';

const pageSize = 1_000;

export interface Ledger {
  /** At least as new as the call. */
  current(): Promise<RetentionState>;
  /** Malformed requests have none. */
  refusalOf(error: CodedError, attempt: Attempt, by: Requester): RecordDraft | undefined;
  refuse(error: CodedError, attempt: Attempt, by: Requester): Promise<never>;
}

export interface Attempt {
  readonly operation: string;
  readonly about?: string;
}

export function recordedAs(by: Requester) {
  return { ...recordedRequester(by), ...(by.client === undefined ? {} : { client: by.client }) };
}

export function createLedger(dependencies: {
  readonly audit: AuditAppender;
  readonly log: Pick<AuditLog, 'search'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Ledger {
  const { audit, log, clock, random, logger } = dependencies;
  const fold = createFold(({ id, type }) =>
    logger.error({ record: id, type }, 'a retention record is unreadable; if it is a hold, it keeps everything'),
  );

  const refusalOf: Ledger['refusalOf'] = (error, { operation, about }, by) =>
    error.category === 'forbidden' || error.category === 'conflict'
      ? {
          id: newId('record', { clock, random }),
          source: 'retention',
          ...recordedAs(by),
          type: 'access.refused',
          outcome: 'deny',
          reason: error.code,
          data: { operation, ...(about === undefined ? {} : { about }) },
        }
      : undefined;

  return {
    async current() {
      for (;;) {
        const { upTo } = fold.state();
        const page = await log.search({ types: foldedTypes, after: upTo, limit: pageSize });
        for (const entry of page) fold.take(entry);
        if (page.length < pageSize) return fold.state();
      }
    },
    refusalOf,
    async refuse(error, attempt, by) {
      const draft = refusalOf(error, attempt, by);
      if (draft !== undefined) await audit.append(draft);
      throw error;
    },
  };
}
