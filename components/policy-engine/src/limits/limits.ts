import {
  type AuditAppender,
  type AuditLog,
  auditLogErrors,
  createContradictionReport,
  type Directory,
  type LastStandingReader,
  type LimitClaim,
  type LimitReading,
  type Limits,
  policyErrors,
  type ReserveOutcome,
  recordIdOfCommand,
  standingErrors,
  type TransactionFacts,
  type TransactionRegistry,
} from '@countersign/contracts';
import { type Clock, compareDecimals, parseDecimal, type Random, type RecordId, zero } from '@countersign/kernel';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { type CountingCurrency, defaultCounting } from '../trading/reference-facts.ts';
import { type AppliedClaim, claimsOf } from './claims.ts';
import { type CounterName, contradictionOfHold, LimitContradiction, revisionsOf, standingOf } from './seals.ts';
import { bucketOf, countedAt, createSettling, expiryOf, type SummedWindow, sealedFrom, windowText } from './settle.ts';
import { type CountedClaim, createLimitStore, type Recorded, type ReleaseRequest, type Usage } from './store.ts';

interface LimitsDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & Pick<AuditLog, 'find'> & LastStandingReader;
  readonly rowSeal: RowSeal;
  readonly current: () => Pick<LoadedBundle, 'limits'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly counting?: CountingCurrency;
  readonly transactions: Pick<TransactionRegistry, 'countsAgainstLimits'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface LimitsComponent extends Limits {
  /** Settles old open reservations now, as happens every few seconds. @returns how many were settled */
  settle(): Promise<number>;
  /** Removes expired rows now, as happens every minute. @returns the approximate number of rows */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

/** Expired rows are kept for another day, for a node whose clock is behind. */
const clockDifferenceMs = 86_400_000;
/** How long to remember a hold on limits without sums. */
const rememberedMs = 86_400_000;
/** Maximum number of recorded releases of this process that are not yet written. */
const maxUnwritten = 10_000;

/** Limits in the database, so that all nodes see the same sums. See the contract for their promises. */
export function createLimits({
  pool,
  audit,
  rowSeal,
  current,
  directory,
  counting = defaultCounting,
  transactions,
  clock,
  random,
  logger,
}: LimitsDependencies): LimitsComponent {
  const store = createLimitStore(pool, rowSeal);
  const report = createContradictionReport({ log: audit, source: 'policy-engine', clock, random });
  const unwritten = new Map<RecordId, 'unknown' | 'recorded'>();
  const settling = createSettling({ store: { ...store, release }, transactions, clock, logger });
  const sweeper = createSweeper({
    what: 'sums of limits',
    logger,
    removeSlice: (limit) => store.removeExpired(clock.now() - clockDifferenceMs, limit),
    everyMs: 60_000,
  });

  function applied(facts: TransactionFacts, at: number): readonly AppliedClaim[] {
    return claimsOf(facts, { limits: current().limits, directory: directory.snapshot(), counting, at });
  }

  /** Records and refuses rows that were tampered with. */
  async function rejectingTampered<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LimitContradiction)) throw error;
      await report(error.of, error.found, error.newest);
      throw standingErrors.error(
        'authority_unproven',
        'The stored sums of a limit were changed, or are older than the audit log says, so no amount can be reserved. ' +
          'Ask the operator to restore the rows named in the records of type row.rejected. Until then the limit can be ' +
          'published under another id, which starts a new count.',
      );
    }
  }

  const recordedOf = (counters: readonly CounterName[]): Promise<Recorded> =>
    audit.lastUnder(counters.map(revisionsOf));
  const releaseOf = (reservation: string, taken: string): RecordId =>
    recordIdOfCommand({ released: reservation, taken });
  const wasReleased = async (reservation: string, taken: string): Promise<boolean> =>
    (await audit.find(releaseOf(reservation, taken))) !== undefined;

  /**
   * A release that is already in the log is refused, because somebody may have restored older rows. If a process ends between the
   * record and the rows, the hold counts until its windows have passed.
   */
  const recordRelease: ReleaseRequest['record'] = async (hold) => {
    const { reservation, taken } = hold;
    const id = releaseOf(reservation, taken);
    if (!unwritten.has(id) && (await audit.find(id)) !== undefined) throw contradictionOfHold(hold);
    if (unwritten.get(id) === 'recorded') return;
    if (unwritten.size >= maxUnwritten) unwritten.clear();
    const again = unwritten.has(id);
    unwritten.set(id, 'unknown');
    try {
      await audit.append({
        id,
        type: 'limit.released',
        source: 'policy-engine',
        outcome: 'done',
        data: { reservation, taken },
      });
    } catch (error) {
      // The first attempt was recorded, but its answer was lost.
      if (!again || !auditLogErrors.is(error, 'record_identity_taken')) throw error;
    }
    unwritten.set(id, 'recorded');
  };

  async function release(reservation: string, attempt?: number): Promise<void> {
    let recorded: RecordId | undefined;
    const record: ReleaseRequest['record'] = async (hold) => {
      recorded = releaseOf(hold.reservation, hold.taken);
      await recordRelease(hold);
    };
    await rejectingTampered(() =>
      store.release({ reservation, ...(attempt === undefined ? {} : { attempt }), recordedOf, record }),
    );
    if (recorded !== undefined) unwritten.delete(recorded);
  }

  return {
    async reserve({ reservation, facts, at, further = [] }) {
      const claims = checked([...applied(facts, at), ...further]);
      const counted = countedOf(claims, at);
      // Read the log before the lock, so that the rows are at least as new.
      const recorded = await recordedOf(counted);
      return rejectingTampered(() =>
        store.hold({
          reservation,
          taken: Buffer.from(random.bytes(16)).toString('base64url'),
          recorded,
          wasReleased,
          now: clock.now(),
          claims: counted,
          judge: (usages) => judge(claims, usages),
          keepUntil: at + rememberedMs,
        }),
      );
    },
    read: ({ facts, at }) =>
      rejectingTampered(async () => {
        const held = await store.held(facts.id);
        if (held !== undefined) {
          if (await wasReleased(held.reservation, held.taken)) throw contradictionOfHold(held);
          return { outcome: 'reserved', readings: held.readings, standing: standingOf(held) };
        }
        const claims = checked(applied(facts, at));
        const counted = countedOf(claims, at);
        const recorded = await recordedOf(counted);
        return judge(claims, await store.usages(counted, recorded));
      }),
    async commit(reservation) {
      const state = await store.commit(reservation);
      if (state === undefined || state === 'released')
        throw policyErrors.error('reservation_conflict', 'The reservation was released or never made. Reserve again.');
    },
    reopen: (reservation) => store.reopen(reservation, clock.now()),
    release: (reservation) => release(reservation),
    settle: settling.settle,
    sweep: sweeper.sweep,
    async stop() {
      await Promise.all([settling.stop(), sweeper.stop()]);
    },
  };
}

/**
 * @throws CodedError `limit_amount` for an invalid amount
 * @throws Error if a counter is claimed twice, which is a bug
 */
function checked(claims: readonly AppliedClaim[]): readonly AppliedClaim[] {
  const seen = new Set<string>();
  for (const { limit, key, measure, unit, amount, max } of claims) {
    if (parseDecimal(amount) === undefined || parseDecimal(max) === undefined)
      throw policyErrors.error('limit_amount', `The amount for the limit ${limit} is not a valid decimal.`);
    const counter = JSON.stringify([limit, key, measure, unit]);
    if (seen.has(counter)) throw new Error(`a counter of the limit ${limit} is claimed twice`);
    seen.add(counter);
  }
  return claims;
}

type SummedClaim = AppliedClaim & { readonly window: SummedWindow };

function isSummed(claim: AppliedClaim): claim is SummedClaim {
  return claim.window.kind !== 'order';
}

function countedOf(claims: readonly AppliedClaim[], at: number): readonly CountedClaim[] {
  return claims.filter(isSummed).map(({ window, pass: _pass, ...claim }) => {
    const bucket = bucketOf(window, at);
    return {
      ...claim,
      bucket,
      counted: countedAt(window, at),
      sealFrom: sealedFrom(window, at),
      expiresAt: expiryOf(window, bucket),
    };
  });
}

/** @param usages of the claims with sums, in their order */
function judge(claims: readonly AppliedClaim[], usages: readonly Usage[]): ReserveOutcome {
  const rest = [...usages];
  const readings: LimitReading[] = [];
  const beyond: { readonly claim: AppliedClaim; readonly reading: LimitReading }[] = [];
  for (const claim of claims) {
    const usage = isSummed(claim) ? rest.shift() : usageOfOrder(claim);
    if (usage === undefined) throw new Error('a claim without a usage');
    const passes = !usage.fits && claim.pass?.standing === true;
    const reading = readingOf(claim, usage, passes ? claim.pass?.role : undefined);
    readings.push(reading);
    if (!usage.fits && !passes) beyond.push({ claim, reading });
  }
  if (beyond.length === 0) return { outcome: 'reserved', readings };
  return {
    outcome: 'exceeded',
    readings,
    exceeded: beyond.map(({ reading }) => reading).sort((a, b) => excess(b) - excess(a)),
    approvals: approvalsThatPass(beyond.map(({ claim }) => claim)),
  };
}

function usageOfOrder({ amount, max }: LimitClaim): Usage {
  const [wanted, limit] = [parseDecimal(amount), parseDecimal(max)];
  if (wanted === undefined || limit === undefined) throw new Error('a claim that was not checked');
  return { used: zero, headroom: limit, fits: compareDecimals(wanted, limit) <= 0 };
}

function readingOf(claim: AppliedClaim, { used, headroom }: Usage, overriddenBy: string | undefined): LimitReading {
  const { limit, key, measure, window, unit, max, amount } = claim;
  return {
    limit,
    key,
    measure,
    window: windowText(window),
    unit,
    max,
    used,
    amount,
    headroom,
    ...(overriddenBy === undefined ? {} : { overriddenBy }),
  };
}

/** Ratio to the limit, for sorting only. */
function excess({ used, amount, max }: LimitReading): number {
  return (Number(used) + Number(amount)) / Number(max);
}

/** One approval of each role permits the order to exceed the limits. */
function approvalsThatPass(exceeded: readonly AppliedClaim[]): readonly { role: string; count: number }[] {
  const roles = exceeded.map(({ pass }) => pass?.role);
  return roles.includes(undefined)
    ? []
    : [...new Set(roles.filter((role) => role !== undefined))].sort().map((role) => ({ role, count: 1 }));
}
