import { type Json, membersOf } from '@countersign/kernel';

/** How an operation names what another one makes (RFC 7644 section 3.7.2). */
const prefix = 'bulkId:';

/** The bulkIds, of those that there are, that stand anywhere in a value. */
export function bulkIdsIn(value: Json | undefined, known: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  replaceBulkIds(value ?? null, (bulkId) => {
    if (known.has(bulkId)) found.add(bulkId);
    return undefined;
  });
  return found;
}

/** The value with ids in place of bulkIds; one without an id stays as it is. */
export function replaceBulkIds(value: Json, idOf: (bulkId: string) => string | undefined): Json {
  if (typeof value === 'string') return value.startsWith(prefix) ? (idOf(value.slice(prefix.length)) ?? value) : value;
  if (Array.isArray(value)) return value.map((item: Json) => replaceBulkIds(item, idOf));
  const members = membersOf(value);
  if (members === undefined) return value;
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, replaceBulkIds(member, idOf)]));
}
