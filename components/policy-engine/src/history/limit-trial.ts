import type { LimitChange, LimitReading, PolicyBundle } from '@countersign/contracts';
import {
  canonicalize,
  compareDecimals,
  type Digest,
  type Json,
  parseDecimal,
  subtractDecimals,
  zero,
} from '@countersign/kernel';
import { type LimitDefinition, limitDimensions, readLimits, windowOf } from '../bundle/limit-definitions.ts';
import type { LimitFinding } from '../decision/limit-finding.ts';
import { windowText } from '../limits/settle.ts';
import { memberOf } from './json-members.ts';

/**
 * Tests the limits of a candidate against recorded readings. A reading has the usage and the amount, so it can be compared with
 * another cap, if the candidate's limit counts the same. Other readings stay unchanged.
 *
 * The usage is not recounted, although the candidate might have stopped or permitted earlier orders.
 */
interface LimitTrial {
  /** Whether {@link again} needs the limits of the version for this finding. */
  needs(finding: LimitFinding, version: Digest): boolean;
  /** @param limits undefined if unavailable; readings then stay unchanged */
  give(version: Digest, limits: readonly Json[] | undefined): void;
  /** @param isStanding whether a valid approval in a role existed at that time */
  again(finding: LimitFinding, version: Digest, isStanding: (role: string) => boolean): LimitFinding;
  /** The number of findings tested against each limit. */
  tried(): ReadonlyMap<string, number>;
}

/** A limit at the time of a decision, and in the candidate (undefined if removed). */
interface Change {
  readonly was: LimitDefinition;
  readonly is: LimitDefinition | undefined;
}

interface Version {
  readonly limits: ReadonlyMap<string, LimitDefinition>;
  readonly changes: ReadonlyMap<string, Change>;
}

export function createLimitTrial(candidate: readonly LimitDefinition[], ids: readonly string[]): LimitTrial {
  const now = new Map(candidate.map((limit) => [limit.id, limit]));
  const tried = new Map(ids.map((id) => [id, 0]));
  const versions = new Map<Digest, Version>();

  return {
    needs: ({ readings }, version) => !versions.has(version) && readings.some(({ limit }) => tried.has(limit)),
    give(version, given = []) {
      const limits = definitionsIn(given);
      const changes = ids.flatMap((id): [string, Change][] => {
        const [was, is] = [limits.get(id), now.get(id)];
        return was !== undefined && countsTheSame(was, is) ? [[id, { was, is }]] : [];
      });
      versions.set(version, { limits, changes: new Map(changes) });
    },
    again(finding, hash, isStanding) {
      const version = versions.get(hash);
      if (version === undefined) return finding;
      const held = new Set<string>();
      const judged = finding.readings.map((reading): Judged => {
        const change = version.changes.get(reading.limit);
        const other = change === undefined ? undefined : heldTo(change, reading, isStanding);
        if (other === undefined) return { reading, exceeded: finding.exceeded.some((one) => isSame(one, reading)) };
        held.add(reading.limit);
        return other;
      });
      // An amount that could not be counted has no readings and stays denied.
      if (held.size === 0) return finding;
      for (const id of held) tried.set(id, (tried.get(id) ?? 0) + 1);
      return findingOf(judged, finding, version);
    },
    tried: () => tried,
  };
}

interface Judged {
  /** Undefined if the limit was removed. */
  readonly reading?: LimitReading;
  readonly exceeded: boolean;
}

/** @returns undefined for a reading of another limit or with unreadable amounts */
function heldTo({ was, is }: Change, reading: LimitReading, isStanding: (role: string) => boolean): Judged | undefined {
  if (!isOf(reading, was)) return undefined;
  if (is === undefined) return { exceeded: false };
  const [used, amount, max] = [parseDecimal(reading.used), parseDecimal(reading.amount), parseDecimal(is.max)];
  if (used === undefined || amount === undefined || max === undefined) return undefined;
  const { overriddenBy, ...found } = reading;
  const role = is.overridable_by;
  const headroom = subtractDecimals(max, used);
  const fits = headroom !== undefined && compareDecimals(amount, headroom) <= 0;
  const passes = !fits && role !== undefined && (role === overriddenBy || isStanding(role));
  return {
    reading: { ...found, max, headroom: headroom ?? zero, ...(passes ? { overriddenBy: role } : {}) },
    exceeded: !fits && !passes,
  };
}

/** False for readings of a mandate, or of a reservation under an earlier version. */
function isOf({ measure, unit, window, max, key }: LimitReading, limit: LimitDefinition): boolean {
  return (
    measure === limit.measure &&
    unit === limit.unit &&
    window === windowText(windowOf(limit)) &&
    max === limit.max &&
    key.replace(/=[^;]*/g, '') === limitDimensions.filter((dimension) => limit.per.includes(dimension)).join(';')
  );
}

function findingOf(judged: readonly Judged[], found: LimitFinding, { limits, changes }: Version): LimitFinding {
  const readings = judged.flatMap(({ reading }) => (reading === undefined ? [] : [reading]));
  const exceeded = judged.flatMap(({ reading, exceeded }) => (exceeded && reading !== undefined ? [reading] : []));
  if (exceeded.length === 0) return { outcome: 'reserved', readings, exceeded, approvals: [], uncountable: [] };
  const roleBefore = (id: string) => limits.get(id)?.overridable_by;
  const role = (id: string) => (changes.has(id) ? changes.get(id)?.is?.overridable_by : roleBefore(id));
  const asBefore =
    exceeded.length === found.exceeded.length &&
    exceeded.every(
      (one) => found.exceeded.some((other) => isSame(one, other)) && role(one.limit) === roleBefore(one.limit),
    );
  if (asBefore) return { ...found, readings };
  const roles = exceeded.map(({ limit }) => role(limit));
  const approvals = roles.includes(undefined) ? [] : [...new Set(roles.filter((one) => one !== undefined))].sort();
  return {
    outcome: 'exceeded',
    readings,
    exceeded,
    approvals: approvals.map((role) => ({ role, count: 1 })),
    uncountable: [],
  };
}

function isSame(one: LimitReading, other: LimitReading): boolean {
  return one.limit === other.limit && one.key === other.key && one.max === other.max;
}

const maxTold = 1_000;

type Limits = Pick<PolicyBundle, 'limits' | 'rates'>;
type Named = Pick<LimitChange, 'kind' | 'id'> & { readonly value: Json };

/** Changes that recorded readings can test have `tried: 0`. @returns the first thousand changes, by name */
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

function definitionsIn(limits: readonly Json[]): ReadonlyMap<string, LimitDefinition> {
  return new Map(readLimits({ limits, rates: {} }).definitions.map((limit) => [limit.id, limit]));
}

/**
 * Whether readings of one limit apply to another: same id, measure, window and orders, or the limit is removed. The cap and the
 * approving role may differ.
 */
function countsTheSame(before: LimitDefinition | undefined, after: LimitDefinition | undefined): boolean {
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
