import type { DirectoryChange } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import type { ChangeSet } from './changes.ts';
import { type Entry, type Graph, keyOf } from './entry.ts';

export function withValues({ changes, stored }: ChangeSet, before: Graph): readonly DirectoryChange[] {
  return changes.map((line) => {
    const { fields } = line;
    const key = keyOf(line.kind, line.id);
    const was = before.get(key);
    const is = stored.get(key);
    if (fields === undefined || was === undefined || is === undefined) return line;
    return { ...line, before: shownMembers(was, fields), after: shownMembers(is, fields) };
  });
}

function shownMembers(entry: Entry, fields: readonly string[]): { readonly [field: string]: Json } {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const member = shownMember(entry, field);
      return member === undefined ? [] : [[field, member] as const];
    }),
  );
}

/** Shows the thumbprint instead of the key, and hides people's names, here and at identity providers. */
function shownMember({ entity, document }: Entry, field: string): Json | undefined {
  if (document[field] === undefined) return undefined;
  if (entity.kind === 'person' && (field === 'name' || field === 'email')) return 'not shown';
  if (entity.kind === 'person' && field === 'federated') return entity.federated.length;
  if (entity.kind === 'person' && field === 'credentials') return entity.value.credentials.map(({ kid }) => kid).sort();
  if (entity.kind === 'client' && field === 'jwks') return entity.keys.map(({ thumbprint }) => thumbprint).sort();
  return document[field];
}
