import { type EvidenceRecord, type RecordDraft, type RecordType, retentionErrors } from '@countersign/contracts';
import { type CodedError, membersOf, type RecordId } from '@countersign/kernel';
import { type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { termNumber, termsOf } from '../query/record-terms.ts';
import type { SealedReader } from '../seals/sealed-reader.ts';
import type { Sequencer } from '../sequencer.ts';
import type { SignedCheckpoint } from '../signed-head.ts';
import { type BesideRecord, checkUnchanged, type RemovalStore, removalStore, type TermAt } from '../store/custody.ts';
import type { LogStore } from '../store.ts';
import type { DueRecord } from './retained-records.ts';

/** Each removal first has a sealed record under a signed checkpoint; after a crash the next process completes it. */
export interface Removals {
  /**
   * The record that allows a removal. @throws CodedError `custody_unauthorized` if this installation did not sign one
   */
  authority(id: RecordId, type: RecordType): Promise<EvidenceRecord>;
  /**
   * Records a removal and carries it out. @param judged the examined state: no hold or schedule after `asOf`, no
   * removal at `seen` or later @param check runs while appends wait @throws CodedError `custody_outdated`
   */
  remove(
    draft: RecordDraft,
    judged: { readonly asOf: bigint; readonly seen: bigint },
    check: (session: pg.PoolClient, index: bigint) => Promise<void>,
  ): Promise<void>;
  /** Completes recorded removals. @throws CodedError what appending throws while the node is stopped */
  settle(): Promise<void>;
}

export function createRemovals(dependencies: {
  readonly log: LogStore;
  readonly sequencer: Pick<Sequencer, 'appendWith'>;
  readonly sign: () => Promise<Pick<SignedCheckpoint, 'size'>>;
  readonly reader: SealedReader;
  readonly eraser: pg.Pool | undefined;
  /** A node that may not append may not remove anything either. */
  readonly mayAppend: () => CodedError | undefined;
  readonly logger: Logger;
}): Removals {
  const { log, sequencer, sign, reader, eraser, mayAppend, logger } = dependencies;
  async function authority(id: RecordId, type: RecordType): Promise<EvidenceRecord> {
    const [entry] = await log.byRecordIds([id]);
    const found = entry === undefined || !reader.isAuthority(entry) ? undefined : reader.read(entry);
    if (found?.record.type !== type || found.index >= (await sign()).size)
      throw retentionErrors.error('custody_unauthorized', `No signed record of type ${type} allows to remove this.`);
    return found.record;
  }

  function checkRunning(): void {
    const refusal = mayAppend();
    if (refusal !== undefined) throw refusal;
  }

  /** One snapshot: the records it relies on were committed before it began. */
  async function asEraser(work: (store: RemovalStore) => Promise<void>): Promise<void> {
    if (eraser === undefined) throw noEraser();
    checkRunning();
    return transaction(eraser, async (session) => {
      await session.query('set transaction isolation level repeatable read');
      await work(removalStore(session));
    });
  }

  async function carryOut(place: bigint): Promise<void> {
    const [entry] = await log.range(place, 1);
    if (entry?.bytes === undefined || entry.index !== place)
      throw retentionErrors.error('custody_unauthorized', `The log has no record at ${place} that removes anything.`);
    const { record } = reader.read({ ...entry, bytes: entry.bytes });
    const [allowedBy] = record.references ?? [];
    if (record.type === 'erasure.completed') {
      await authority(allowedBy ?? record.id, 'erasure.approved');
      return asEraser((store) => store.eraseKeys(place));
    }
    await authority(allowedBy ?? record.id, 'retention.pruning-approved');
    const going = await listedBy(record);
    await asEraser((store) => store.pruneBodies(place, keptBeside(going)));
    return asEraser((store) => store.forgetTerms(indexedTermsOf(going)));
  }

  async function listedBy(pruned: EvidenceRecord): Promise<readonly DroppedRecord[]> {
    const listed: DroppedRecord[] = [];
    for (const range of rangesIn(pruned))
      for (const { bytes, ...entry } of await log.range(range.first, Number(range.last - range.first) + 1))
        if (bytes !== undefined) listed.push({ ...entry, record: reader.read({ ...entry, bytes }).record });
    return listed;
  }

  return {
    authority,
    async remove(draft, { asOf, seen }, check) {
      if (eraser === undefined) throw noEraser();
      const { index } = await sequencer.appendWith(draft, async (session, at) => {
        await checkUnchanged(session, { asOf, seen, at });
        await check(session, at);
      });
      await sign();
      await carryOut(index);
    },
    async settle() {
      if (eraser === undefined) return;
      const pending = await removalStore(eraser).pending();
      if (pending.length === 0) return;
      const { size } = await sign();
      checkRunning();
      for (const place of pending.filter((index) => index < size))
        try {
          await carryOut(place);
        } catch (error) {
          // The other removals continue.
          logger.error({ error, place: place.toString() }, 'a removal that is recorded could not be carried out');
        }
    },
  };
}

function rangesIn({ data }: EvidenceRecord): readonly { readonly first: bigint; readonly last: bigint }[] {
  const ranges = membersOf(data)?.['ranges'];
  if (!Array.isArray(ranges)) throw new Error('a log.pruned record has no ranges');
  return ranges.map((range) => {
    const [first, last] = Array.isArray(range) ? range : [];
    if (typeof first !== 'number' || typeof last !== 'number')
      throw new Error('a log.pruned record has a malformed range');
    return { first: BigInt(first), last: BigInt(last) };
  });
}

function noEraser(): CodedError {
  return retentionErrors.error(
    'custody_unauthorized',
    'This node has no connection as the role that removes evidence, so nothing is removed here.',
  );
}

export type DroppedRecord = Pick<DueRecord, 'index' | 'recordId' | 'record'>;

export function keptBeside(going: readonly DroppedRecord[]): readonly BesideRecord[] {
  return going.flatMap(({ recordId, record }) =>
    [...new Set(Object.values(record.protected ?? {}).map(({ key }) => key))].map((key) => ({ key, record: recordId })),
  );
}

export function indexedTermsOf(gone: readonly DroppedRecord[]): readonly TermAt[] {
  return gone.flatMap(({ index, record }) => termsOf(record).map((term) => ({ term: termNumber(term), index })));
}
