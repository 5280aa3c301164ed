import type { LimitChange, PolicyBundle } from '@countersign/contracts';
import { canonicalize, type Json } from '@countersign/kernel';
import { type LimitDefinition, readLimits } from '../bundle/limit-definitions.ts';
import { memberOf } from './json-members.ts';

const maxTold = 1_000;

type Limits = Pick<PolicyBundle, 'limits' | 'rates'>;
type Named = Pick<LimitChange, 'kind' | 'id'> & { readonly value: Json };

/**
 * The differences in limits and rates between two bundles, by name. Changes that recorded readings can test have `tried: 0`.
 *
 * @returns the first thousand changes
 */
export function limitChangesBetween(before: Limits, after: Limits): readonly LimitChange[] {
  const [old, now] = [named(before), named(after)];
  const [defined, redefined] = [definitionsIn(before.limits), definitionsIn(after.limits)];
  const tried = ({ kind, id }: Pick<LimitChange, 'kind' | 'id'>) =>
    kind === 'limit' && countsTheSame(defined.get(id), redefined.get(id)) ? { tried: 0 } : {};
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .flatMap((key): readonly LimitChange[] => {
      const [was, is] = [old.get(key), now.get(key)];
      const either = is ?? was;
      if (either === undefined) return [];
      const { kind, id } = either;
      if (was === undefined) return [{ kind, id, change: 'added', after: either.value }];
      if (is === undefined) return [{ kind, id, change: 'removed', before: was.value, ...tried(either) }];
      if (canonicalize(was.value) === canonicalize(is.value)) return [];
      return [{ kind, id, change: 'changed', before: was.value, after: is.value, ...tried(either) }];
    })
    .slice(0, maxTold);
}

/** Limits by id, without invalid ones. */
export function definitionsIn(limits: readonly Json[]): ReadonlyMap<string, LimitDefinition> {
  return new Map(readLimits({ limits, rates: {} }).definitions.map((limit) => [limit.id, limit]));
}

/**
 * Whether readings of one limit apply to another: same id, measure, window and orders, or the limit is removed. The cap and the
 * approving role may differ.
 */
export function countsTheSame(before: LimitDefinition | undefined, after: LimitDefinition | undefined): boolean {
  if (before === undefined) return false;
  return after === undefined || canonicalize(countedBy(before)) === canonicalize(countedBy(after));
}

function countedBy({ id, of = 'orders', measure, per, window, unit, only }: LimitDefinition): Json {
  return { id, of, measure, per: [...per].sort(), window, unit, only: only ?? null };
}

function named({ limits, rates }: Limits): ReadonlyMap<string, Named> {
  const all: readonly Named[] = [
    ...limits.map((value) => ({ kind: 'limit' as const, id: String(memberOf(value, 'id')), value })),
    ...Object.entries(rates).map(([id, value]) => ({ kind: 'rate' as const, id, value })),
  ];
  return new Map(all.map((each) => [`${each.kind} ${each.id}`, each]));
}
