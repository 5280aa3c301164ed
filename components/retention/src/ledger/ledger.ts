import type { AuditAppender, AuditLog, RecordDraft } from '@countersign/contracts';
import { type Clock, type CodedError, newId, type Random, type RecordId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { Requester } from '../requester.ts';
import { createFold, foldedTypes, type RetentionState } from './fold.ts';

const pageSize = 1_000;

type Said = Pick<RecordDraft, 'type' | 'references' | 'data' | 'outcome' | 'reason'>;

/** What the log says of retention, and the way to say more. */
export interface Ledger {
  /** The state at least as it was when this was called. */
  current(): Promise<RetentionState>;
  /** Writes that somebody did something. @returns the record's id */
  record(said: Omit<Said, 'outcome'> & Partial<Pick<Said, 'outcome'>>, by: Requester): Promise<RecordId>;
  /** Writes down what somebody asked for and may not have, before they are told; malformed requests are only malformed. */
  refuse(
    error: CodedError,
    attempt: { readonly operation: string; readonly about?: string },
    by: Requester,
  ): Promise<never>;
}

export function createLedger({
  audit,
  log,
  clock,
  random,
  logger,
}: {
  readonly audit: AuditAppender;
  readonly log: Pick<AuditLog, 'search'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Ledger {
  const fold = createFold(({ id, type }) =>
    logger.error({ record: id, type }, 'a record of retention cannot be read; a hold of that kind keeps everything'),
  );

  async function record(said: Said, { actor, chain, client }: Requester): Promise<RecordId> {
    const id = newId('record', { clock, random });
    await audit.append({
      id,
      source: 'retention',
      subject: actor,
      ...(chain.length === 0 ? {} : { actors: chain.map((person) => ({ id: person })) }),
      ...(client === undefined ? {} : { client }),
      ...said,
    });
    return id;
  }

  return {
    async current() {
      for (;;) {
        const { upTo } = fold.state();
        const page = await log.search({ types: foldedTypes, after: upTo, limit: pageSize });
        for (const entry of page) fold.take(entry);
        if (page.length < pageSize) return fold.state();
      }
    },
    record: (said, by) => record({ outcome: 'done', ...said }, by),
    async refuse(error, { operation, about }, by) {
      if (error.category === 'forbidden' || error.category === 'conflict')
        await record(
          {
            type: 'access.refused',
            outcome: 'deny',
            reason: error.code,
            data: { operation, ...(about === undefined ? {} : { about }) },
          },
          by,
        );
      throw error;
    },
  };
}
