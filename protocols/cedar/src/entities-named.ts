import type { ParsedPolicySet } from './parse-policy-set.ts';
import { isPlainObject } from './plain-object.ts';
import { type EntityReference, type EntityUid, parseEntityUid } from './value.ts';

/**
 * The entities named in conditions (`Firm::"acme"`), each once. An evaluation sees only what is reachable from these and from principal,
 * resource and context.
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
