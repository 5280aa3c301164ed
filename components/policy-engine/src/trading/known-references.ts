import { EntityReference } from '@countersign/cedar';

/** Kept for each type; past it they are made anew. No long ones, because callers name them. */
const maxKept = 4_096;
const maxIdLength = 256;

/** Types that nearly every question refers to, and of which there are few. */
const kept = {
  Account: new Map<string, EntityReference>(),
  Institution: new Map<string, EntityReference>(),
  Jurisdiction: new Map<string, EntityReference>(),
  Venue: new Map<string, EntityReference>(),
} as const;

/**
 * One reference for each entity of the directory: it remembers what it leads to, so that policies find it without looking,
 * and whoever compares two of them sees that they are one. Not for entities of one question: what has grown old would hold
 * on to what is young.
 */
export function knownReference(type: keyof typeof kept, id: string): EntityReference {
  const known = kept[type];
  let reference = known.get(id);
  if (reference === undefined) {
    reference = new EntityReference(type, id);
    if (id.length <= maxIdLength) {
      if (known.size >= maxKept) known.clear();
      known.set(id, reference);
    }
  }
  return reference;
}
