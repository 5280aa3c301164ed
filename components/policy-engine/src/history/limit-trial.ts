import type { LimitReading } from '@countersign/contracts';
import { compareDecimals, type Digest, type Json, parseDecimal, subtractDecimals, zero } from '@countersign/kernel';
import { type LimitDefinition, limitDimensions, windowOf } from '../bundle/limit-definitions.ts';
import type { LimitFinding } from '../decision/limit-finding.ts';
import { windowText } from '../limits/windows.ts';
import { countsTheSame, definitionsIn } from './limit-changes.ts';

/**
 * Limits of a candidate on trial. A reading tells what was used and what was asked for, so it tells as well whether that
 * would have gone through with more or less allowed. It is held to the candidate's limit where that counts the same as the
 * one it is a reading of, and else stays what it was.
 *
 * What is used is not counted again: by the candidate, earlier orders might have been stopped, or let through.
 */
interface LimitTrial {
  /** Whether the limits of the version must be given before {@link again} can look at such a finding. */
  needs(finding: LimitFinding, version: Digest): boolean;
  /** @param limits undefined where they cannot be had: its readings stay what they were */
  give(version: Digest, limits: readonly Json[] | undefined): void;
  /**
   * What the limits of the candidate would have been found at.
   *
   * @param version that it was decided by
   * @param isStanding whether an approval in a role stood when it was asked
   */
  again(finding: LimitFinding, version: Digest, isStanding: (role: string) => boolean): LimitFinding;
  /** Of each limit on trial, how many findings were held to it. */
  tried(): ReadonlyMap<string, number>;
}

/** A limit as it was when a decision was made, and as the candidate has it: undefined where that has none. */
interface Change {
  readonly was: LimitDefinition;
  readonly is: LimitDefinition | undefined;
}

interface Version {
  readonly limits: ReadonlyMap<string, LimitDefinition>;
  readonly changes: ReadonlyMap<string, Change>;
}

/** @param ids of the limits that are tried */
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
      // What could not be counted has no readings: it stays denied.
      if (held.size === 0) return finding;
      for (const id of held) tried.set(id, (tried.get(id) ?? 0) + 1);
      return findingOf(judged, finding, version);
    },
    tried: () => tried,
  };
}

interface Judged {
  /** Undefined where the limit is gone. */
  readonly reading?: LimitReading;
  readonly exceeded: boolean;
}

/** @returns undefined for a reading that is not of this limit, or whose amounts cannot be told */
function heldTo({ was, is }: Change, reading: LimitReading, isStanding: (role: string) => boolean): Judged | undefined {
  if (!isOf(reading, was)) return undefined;
  if (is === undefined) return { exceeded: false };
  const [used, amount, most] = [parseDecimal(reading.used), parseDecimal(reading.amount), parseDecimal(is.most)];
  if (used === undefined || amount === undefined || most === undefined) return undefined;
  const { passedBy, ...found } = reading;
  const role = is.passed_by;
  const headroom = subtractDecimals(most, used);
  const fits = headroom !== undefined && compareDecimals(amount, headroom) <= 0;
  const passes = !fits && role !== undefined && (role === passedBy || isStanding(role));
  return {
    reading: {
      ...found,
      most,
      headroom: headroom ?? zero,
      ...(passes ? { passedBy: role } : {}),
    },
    exceeded: !fits && !passes,
  };
}

/** Those of a mandate, and those that a reservation had from an earlier version, are others than the version's own. */
function isOf({ measure, unit, window, most, key }: LimitReading, limit: LimitDefinition): boolean {
  return (
    measure === limit.measure &&
    unit === limit.unit &&
    window === windowText(windowOf(limit)) &&
    most === limit.most &&
    key.replace(/=[^;]*/g, '') === limitDimensions.filter((dimension) => limit.per.includes(dimension)).join(';')
  );
}

function findingOf(judged: readonly Judged[], found: LimitFinding, { limits, changes }: Version): LimitFinding {
  const readings = judged.flatMap(({ reading }) => (reading === undefined ? [] : [reading]));
  const exceeded = judged.flatMap(({ reading, exceeded }) => (exceeded && reading !== undefined ? [reading] : []));
  if (exceeded.length === 0) return { outcome: 'reserved', readings, exceeded, approvals: [], uncountable: [] };
  const roleBefore = (id: string) => limits.get(id)?.passed_by;
  const role = (id: string) => (changes.has(id) ? changes.get(id)?.is?.passed_by : roleBefore(id));
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
  return one.limit === other.limit && one.key === other.key && one.most === other.most;
}
