import type { ParsedPolicySet } from './parse-policy-set.ts';
import { isPlainObject } from './plain-object.ts';
import { type EntityReference, type EntityUid, parseEntityUid } from './value.ts';

/**
 * The entities that conditions name in their text (`Firm::"acme"`), each once. With principal, resource and context
 * they are all that an evaluation can start from: what cannot be reached from these, no policy of the set can see.
 */
export function entitiesNamedIn({ policies }: Pick<ParsedPolicySet, 'policies'>): readonly EntityUid[] {
  const named = new Map<string, EntityReference>();
  for (const { json } of policies) collect(json.conditions, named);
  return Array.from(named.values());
}

function collect(json: unknown, named: Map<string, EntityReference>): void {
  if (Array.isArray(json)) {
    for (const item of json) collect(item, named);
    return;
  }
  if (!isPlainObject(json)) return;
  const reference = parseEntityUid(json['__entity']);
  if (reference !== undefined) named.set(reference.key, reference);
  for (const member of Object.values(json)) collect(member, named);
}
