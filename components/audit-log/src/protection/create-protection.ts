import {
  type EvidenceRecord,
  insertValue,
  type RecordDraft,
  type RetentionClass,
  readPointer,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger, SealingKey } from '@countersign/runtime';
import type pg from 'pg';
import { createProtectedValueStore, type StoredValue } from '../store/protected-values.ts';
import { type DeclaredValue, declaredValues } from './declared-values.ts';
import type { OpenedValue, Protection } from './protection.ts';
import { openDraft, restrictedText, sealDraft } from './seal-draft.ts';
import { createSubjectKeys, type SubjectKey } from './subject-keys.ts';
import { decipher, placeOf } from './value-cipher.ts';

export interface ProtectionDependencies {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Seals the keys of subjects in a region; undefined if this node does not hold it. */
  readonly sealing: (region: string) => SealingKey | undefined;
  /** The region where values about a subject are stored. */
  readonly regionOf: (subject: string) => string;
}

const askedAtOnce = 2_000;
type Named = Pick<EvidenceRecord, 'id' | 'protected'>;

/** Other nodes may use a destroyed key for up to five minutes, so keys are destroyed only after that time. */
export function createProtection(dependencies: ProtectionDependencies): Protection {
  const { pool, sealing, clock, random, logger, regionOf } = dependencies;
  const store = createProtectedValueStore(pool);
  const keys = createSubjectKeys({ store, sealing, clock, random });
  let year = { from: 0, until: 0, value: 0 };

  /** UTC. */
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

    async restrictedTextOf(record) {
      const [values = []] = await open([record]);
      const opened = values.filter((value) => value.state === 'open');
      return opened.length === values.length ? restrictedText(opened) : undefined;
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
  stored: StoredValue | undefined,
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

function restored(record: EvidenceRecord, values: readonly OpenedValue[], logger: Logger): EvidenceRecord {
  let whole: EvidenceRecord = record;
  for (const value of values) {
    if (value.state !== 'open') continue;
    const filled = insertValue({ ...whole }, readPointer(value.path) ?? [], JSON.parse(value.text));
    // Reached only if a writer declares a path that its record lacks.
    if (filled === undefined) logger.error({ record: record.id, path: value.path }, 'a protected value has no place');
    else whole = { ...whole, ...filled };
  }
  return whole;
}
