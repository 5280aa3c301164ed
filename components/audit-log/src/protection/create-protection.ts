import {
  type EvidenceRecord,
  insertValue,
  type RecordDraft,
  type RetentionClass,
  readPointer,
} from '@countersign/contracts';
import type { Clock, Json, Random } from '@countersign/kernel';
import type { Logger, SealingKey } from '@countersign/runtime';
import type pg from 'pg';
import { createProtectedValueStore, type ProtectedValueStore } from '../store/protected-values.ts';
import { type DeclaredValue, declaredValues } from './declared-values.ts';
import type { OpenedValue, Protection } from './protection.ts';
import { openDraft, sealDraft, toldAs } from './seal-draft.ts';
import { createSubjectKeys, type SubjectKey } from './subject-keys.ts';
import { decipher, placeOf } from './value-cipher.ts';

export interface ProtectionDependencies {
  /** Connections as the log's own role. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The key of a region under which keys of subjects are kept; undefined where this node does not hold it. */
  readonly sealing: (region: string) => SealingKey | undefined;
  /** Where what is told of a subject is kept. */
  readonly regionOf: (subject: string) => string;
}

/** Values asked for in one statement. */
const askedAtOnce = 2_000;
type Named = Pick<EvidenceRecord, 'id' | 'protected'>;

/**
 * Protection as an installation has it: keys in the log's own database, sealed under keys that are outside of it.
 *
 * What one process knows of a key it forgets after five minutes; so long another may go on using one that was destroyed.
 * Whoever destroys keys waits that long after the end of their year.
 */
export function createProtection(dependencies: ProtectionDependencies): Protection {
  const { pool, sealing, clock, random, logger, regionOf } = dependencies;
  const store = createProtectedValueStore(pool);
  const keys = createSubjectKeys({ store, sealing, clock, random });
  let year = { from: 0, until: 0, value: 0 };

  /** Of now, in UTC. A record that gets its time a moment later, in the next one, is kept under a key of this one. */
  function yearOf(now: number): number {
    if (now < year.from || now >= year.until) {
      const value = new Date(now).getUTCFullYear();
      year = { from: Date.UTC(value, 0), until: Date.UTC(value + 1, 0), value };
    }
    return year.value;
  }

  async function sealWithKeys(
    draft: RecordDraft,
    declared: readonly DeclaredValue[],
    uses: ReturnType<typeof useOf>[],
  ) {
    return sealDraft(draft, declared, await Promise.all(uses.map((use) => keys.inUse(use))), random);
  }

  function useOf(subject: string, inClass: RetentionClass, now: number) {
    return { subject, region: regionOf(subject), class: inClass, year: yearOf(now) };
  }

  async function open(records: readonly Named[]): Promise<readonly (readonly OpenedValue[])[]> {
    const named = records.map(({ id, protected: commitments = {} }) =>
      Object.entries(commitments)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([path, commitment]) => ({ record: id, path, key: commitment.key, commitment })),
    );
    const all = named.flat();
    if (all.length === 0) return named.map(() => []);
    const known = await keys.byIds(new Set(all.map(({ key }) => key)));
    const opened: OpenedValue[] = [];
    for (let start = 0; start < all.length; start += askedAtOnce) {
      const asked = all.slice(start, start + askedAtOnce);
      const stored = await store.values(asked);
      for (const [place, one] of asked.entries()) {
        const value = openOne(one, known.get(one.key), stored[place]);
        if (value.state === 'altered')
          logger.error({ record: one.record, path: one.path }, 'a protected value is not what its record committed to');
        opened.push(value);
      }
    }
    let end = 0;
    return named.map(({ length }) => {
      end += length;
      return opened.slice(end - length, end);
    });
  }

  return {
    firstBrokenKey: keys.firstBroken,
    seal(draft, inClass) {
      const declared = declaredValues(draft);
      if (declared.length === 0) return openDraft(draft);
      const now = clock.now();
      const uses = declared.map(({ subject }) => useOf(subject, inClass, now));
      const known: SubjectKey[] = [];
      for (const use of uses) {
        const key = keys.known(use);
        if (key === undefined) return sealWithKeys(draft, declared, uses);
        known.push(key);
      }
      return sealDraft(draft, declared, known, random);
    },

    async restore(records) {
      if (!records.some(isProtected)) return records;
      const opened = await open(records);
      return records.map((record, place) => restored(record, opened[place] ?? [], logger));
    },

    open,
    lend: keys.lend,

    async toldBy(record) {
      const [values = []] = await open([record]);
      const told = values.filter((value) => value.state === 'open');
      return told.length === values.length ? toldAs(told) : undefined;
    },
  };
}

function openOne(
  {
    record,
    path,
    commitment,
  }: { readonly record: string; readonly path: string; readonly commitment: OpenedValue['commitment'] },
  key: SubjectKey | undefined,
  stored: Awaited<ReturnType<ProtectedValueStore['values']>>[number] | undefined,
): OpenedValue {
  const about = { path, commitment, subject: key?.subject };
  if (stored?.keyState === 'erased') return { ...about, state: 'erased' };
  if (key === undefined || stored === undefined || stored.ciphertext === null) return { ...about, state: 'altered' };
  if (key.bytes === undefined) return { ...about, state: 'other_region' };
  const value = decipher(key.bytes, placeOf(record, path), commitment, stored.ciphertext);
  return value === undefined ? { ...about, state: 'altered' } : { ...about, state: 'open', ...value };
}

function isProtected(record: EvidenceRecord): boolean {
  return record.protected !== undefined;
}

/** The record with what can be read of it in its place. */
function restored(record: EvidenceRecord, values: readonly OpenedValue[], logger: Logger): EvidenceRecord {
  let whole: EvidenceRecord = record;
  for (const value of values) {
    if (value.state !== 'open') continue;
    const filled = insertValue({ ...whole }, readPointer(value.path) ?? [], JSON.parse(value.text) as Json);
    // What it was committed to is proved; only a writer that declared a place that its record has not comes here.
    if (filled === undefined) logger.error({ record: record.id, path: value.path }, 'a protected value has no place');
    else whole = { ...whole, ...filled };
  }
  return whole;
}
