import type { LimitChange, PolicyBundle } from '@countersign/contracts';
import { canonicalize, type Json } from '@countersign/kernel';
import { memberOf } from './json-members.ts';

const maxTold = 1_000;

type Limits = Pick<PolicyBundle, 'limits' | 'rates'>;
type Named = Pick<LimitChange, 'kind' | 'id'> & { readonly value: Json };

/**
 * What a bundle makes otherwise of the limits and rates of another, by their names. No simulation tries these: it holds
 * each decision to the limits as they were found then, and counts nothing that was used again.
 *
 * @returns the first thousand
 */
export function limitChangesBetween(before: Limits, after: Limits): readonly LimitChange[] {
  const [old, now] = [named(before), named(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .flatMap((key): readonly LimitChange[] => {
      const [was, is] = [old.get(key), now.get(key)];
      const either = is ?? was;
      if (either === undefined) return [];
      const { kind, id } = either;
      if (was === undefined) return [{ kind, id, change: 'added', after: either.value }];
      if (is === undefined) return [{ kind, id, change: 'removed', before: was.value }];
      if (canonicalize(was.value) === canonicalize(is.value)) return [];
      return [{ kind, id, change: 'changed', before: was.value, after: is.value }];
    })
    .slice(0, maxTold);
}

function named({ limits, rates }: Limits): ReadonlyMap<string, Named> {
  const all: readonly Named[] = [
    ...limits.map((value) => ({ kind: 'limit' as const, id: String(memberOf(value, 'id')), value })),
    ...Object.entries(rates).map(([id, value]) => ({ kind: 'rate' as const, id, value })),
  ];
  return new Map(all.map((each) => [`${each.kind} ${each.id}`, each]));
}
