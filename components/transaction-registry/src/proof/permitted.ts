import {
  type AuditLog,
  type EvidenceRecord,
  type PermittedIntent,
  permittedAt,
  permittedIntent,
  type StandingRecord,
} from '@countersign/contracts';
import { defined, parseInstant, type RecordId } from '@countersign/kernel';
import type { StoredTransaction } from '../store/store.ts';

/** Cached records; records never change. */
const maxRemembered = 10_000;

/** The log keys about issued tokens: whether one was permitted and, before the first step, for whose interfaces. */
export function permissionsOf({ id, state, parties }: StoredTransaction): readonly string[] {
  return [permittedIntent(id), ...(state === 'intended' ? parties.map((party) => permittedAt(id, party)) : [])];
}

export function createPermittedReader(log: Pick<AuditLog, 'find'>) {
  const remembered = new Map<RecordId, EvidenceRecord>();

  async function recordOf(id: RecordId): Promise<EvidenceRecord | undefined> {
    const known = remembered.get(id);
    if (known !== undefined) return known;
    const record = (await log.find(id))?.record;
    if (record === undefined) return undefined;
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(id, record);
    return record;
  }

  return {
    async read(
      transaction: StoredTransaction,
      newest: ReadonlyMap<string, StandingRecord>,
    ): Promise<PermittedIntent | undefined> {
      const { id, intentDigest, initiator, parties } = transaction;
      const found = newest.get(permittedIntent(id));
      if (found?.digest === undefined) return undefined;
      const record = await recordOf(found.record);
      if (
        record === undefined ||
        record.type !== 'token.issued' ||
        record.outcome !== 'permit' ||
        record.transaction !== id ||
        record.intent !== intentDigest ||
        record.subject?.id !== initiator
      )
        return undefined;
      const { acr, authTime } = record.authentication ?? {};
      return {
        record: record.id,
        at: parseInstant(record.time) ?? 0,
        ...defined({ acr, authTime, device: record.device }),
        reached: parties.filter((party) => newest.get(permittedAt(id, party))?.digest !== undefined),
      };
    },
  };
}
