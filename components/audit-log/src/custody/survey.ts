import {
  type ClassSurvey,
  type HoldScope,
  type LogCustody,
  type RecordType,
  type RetentionClass,
  recordTypes,
  retentionClasses,
  retentionClassOf,
} from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type { EvidenceQueries } from '../query/evidence-query.ts';
import type { CustodyStore } from '../store/custody.ts';

const pageSize = 1_000;

export function createSurvey(dependencies: {
  readonly store: CustodyStore;
  readonly queries: EvidenceQueries;
  readonly placeOfTime: (time: number) => Promise<bigint>;
}): LogCustody['survey'] {
  const { store, queries, placeOfTime } = dependencies;
  /** Searches by the scopes of the holds, so that narrow holds cost little. */
  async function countHeld(inClass: RetentionClass, before: number, holds: readonly HoldScope[]): Promise<number> {
    const held = new Set<bigint>();
    const types = typesOf(inClass);
    for (const { types: wanted, until, ...scope } of holds) {
      const query = {
        ...scope,
        types: wanted === undefined ? types : wanted.filter((type) => types.includes(type)),
        until: Math.min(until ?? before, before),
      };
      for (let after = -1n; ; ) {
        const page = await queries({ ...query, after, limit: pageSize });
        for (const { index } of page) held.add(index);
        const last = page.at(-1);
        if (last === undefined || page.length < pageSize) break;
        after = last.index;
      }
    }
    return held.size;
  }

  return async (before, holds) => {
    const places = new Map<RetentionClass, bigint>();
    for (const name of retentionClasses) {
      const moment = before[name];
      if (moment !== undefined) places.set(name, await placeOfTime(moment));
    }
    const everything = holds.some(keepsEverything);
    const surveys: ClassSurvey[] = [];
    for (const { class: name, records, bytes, due, oldest } of await store.countShards(retentionClasses, places)) {
      const moment = before[name];
      const held =
        moment === undefined || due === 0 || holds.length === 0
          ? 0
          : everything
            ? due
            : await countHeld(name, moment, holds);
      surveys.push({
        class: name,
        records,
        bytes,
        due,
        held,
        ...(oldest === null ? {} : { oldest: toInstant(oldest) }),
      });
    }
    return surveys;
  };
}

function keepsEverything(scope: HoldScope): boolean {
  return Object.values(scope).every((member) => member === undefined);
}

function typesOf(inClass: RetentionClass): readonly RecordType[] {
  return recordTypes.filter((type) => retentionClassOf(type) === inClass);
}
