import { auditLogErrors } from '@countersign/contracts';
import { type CodedError, parseInstant } from '@countersign/kernel';
import type { Logger, Metrics } from '@countersign/runtime';
import type { LogKeys } from '../log-key.ts';
import { inconsistent, newestSigned } from '../signed-head.ts';
import type { LogStore } from '../store.ts';
import type { LogHead, TreeReader } from '../tree-reader.ts';
import { type EntrySeals, forgedEntry } from './entry-seals.ts';

/** The end of the log, up to which the seal of every entry has been verified. */
export interface VerifiedTail {
  head(): LogHead;
  advance(to: LogHead): void;
  /** Verifies the seals of new entries. @throws CodedError `log_inconsistent` at a missing seal or a gap */
  readOn(store: Pick<LogStore, 'sealedEntries'>): Promise<LogHead>;
  condemn(error: CodedError): void;
  refusal(): CodedError | undefined;
}

const pageSize = 2_048;

/**
 * Begins at the newest signed head, whose signature covers everything before it. @throws CodedError `log_inconsistent`
 */
export async function openVerifiedTail(dependencies: {
  readonly store: LogStore;
  readonly tree: Pick<TreeReader, 'headAt'>;
  readonly keys: LogKeys;
  readonly seals: EntrySeals;
  /** Entries before this place have no seals. */
  readonly unsealedBefore: bigint;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'counter'> | undefined;
}): Promise<VerifiedTail> {
  const { store, tree, keys, seals, unsealedBefore, logger, metrics } = dependencies;
  const signed = await newestSigned(store, keys);
  const size = await store.size();
  if (signed !== undefined && signed.head.size > size)
    throw inconsistent(`it holds ${size} records and has signed a checkpoint of ${signed.head.size}`);
  let head = await tree.headAt(signed?.head.size ?? 0n);
  if (signed !== undefined && Buffer.compare(head.edge.root(), signed.head.root) !== 0)
    throw inconsistent(`its ${size} records do not extend the checkpoint of ${signed.head.size} that it signed`);
  let condemned: CodedError | undefined;
  const found = metrics?.counter(
    'countersign_log_forged_entries_total',
    'Times that this process found an entry of the audit log without a valid seal',
    [],
  );

  function condemn(error: CodedError): void {
    if (condemned === undefined)
      logger.error({ error }, 'the audit log has an entry that this installation did not append');
    condemned ??= error;
    found?.inc({});
  }

  function advance(to: LogHead): void {
    if (to.edge.size > head.edge.size) head = to;
  }

  async function readOn(from: Pick<LogStore, 'sealedEntries'>): Promise<LogHead> {
    for (let at = head; ; ) {
      const page = await from.sealedEntries(at.edge.size, pageSize);
      for (const [offset, entry] of page.entries()) {
        const index = at.edge.size + BigInt(offset);
        if (entry.index !== index)
          throw auditLogErrors.error('log_inconsistent', `The audit log has no entry at ${index}, and later ones.`);
        if (!(entry.index < unsealedBefore && entry.seal === null) && !seals.isSealed(entry, entry.seal))
          throw forgedEntry(index);
      }
      const last = page.at(-1);
      if (last === undefined) return at;
      const lastTime = last.recordedAt ?? parseInstant(last.time ?? '');
      if (lastTime === undefined)
        throw auditLogErrors.error('log_inconsistent', `The last entry of the audit log, ${last.index}, has no time.`);
      at = { edge: at.edge.append(page.map(({ leafHash }) => leafHash)).edge, lastTime };
      advance(at);
      if (page.length < pageSize) return at;
    }
  }

  const tail: VerifiedTail = {
    head: () => head,
    advance,
    async readOn(from) {
      try {
        return await readOn(from);
      } catch (error) {
        if (auditLogErrors.is(error, 'log_inconsistent')) condemn(error);
        throw error;
      }
    },
    condemn,
    refusal: () => condemned,
  };
  await tail.readOn(store);
  return tail;
}
