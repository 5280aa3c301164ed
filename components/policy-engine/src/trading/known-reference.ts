import { EntityReference } from '@countersign/cedar';

/** Maximum number of cached references for each type. Long ids are not cached, because they come from callers. */
const maxReferences = 4_096;
const maxIdLength = 256;

/** Types with few entities that nearly every question references. */
const keptReferences = {
  Account: new Map<string, EntityReference>(),
  Institution: new Map<string, EntityReference>(),
  Jurisdiction: new Map<string, EntityReference>(),
  Venue: new Map<string, EntityReference>(),
} as const;

/**
 * One shared reference for each entity of the directory. A reference caches its entity, and equal references are the same object.
 * Not for entities of one question, because a long-lived reference would keep the question in memory.
 */
export function knownReference(type: keyof typeof keptReferences, id: string): EntityReference {
  const known = keptReferences[type];
  let reference = known.get(id);
  if (reference === undefined) {
    reference = new EntityReference(type, id);
    if (id.length <= maxIdLength) {
      if (known.size >= maxReferences) known.clear();
      known.set(id, reference);
    }
  }
  return reference;
}
