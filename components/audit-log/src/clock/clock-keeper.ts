import { type AuditAppender, auditLogErrors, type RecordDraft } from '@countersign/contracts';
import { type Clock, type CodedError, type Json, newId, type Random, type RecordId } from '@countersign/kernel';
import { createRounds, type Logger, type Rounds } from '@countersign/runtime';
import type { ClockReading, ClockSource } from './clock-source.ts';

export interface ClockPolicy {
  /** How often the clock is measured, in milliseconds; 0 for once, when the log is opened. */
  readonly windowMs: number;
  /** Largest accepted error, offset and uncertainty together, in microseconds. */
  readonly budgetUs: number;
  /** What happens to appends beyond the budget, or when a configured source cannot measure. */
  readonly overBudget: 'flag' | 'refuse';
}

export interface ClockQuality {
  readonly record: RecordId;
  readonly source: ClockSource['kind'];
  readonly reading: ClockReading;
  readonly withinBudget: boolean | undefined;
}

export interface ClockKeeper {
  measure(): Promise<void>;
  start(): void;
  newest(): ClockQuality | undefined;
  refusal(): CodedError | undefined;
  stop(): Promise<void>;
}

/** How often the wall clock is compared with the monotonic clock. */
const lookEveryMs = 1_000;
/** Longest interval between measurements while the clock is over the budget or cannot be measured. */
const retryEveryMs = 5_000;
/** A larger difference is a step, not a slew: NTP slews by at most 500 parts in a million. */
const stepAtLeastMs = 50;
const slewAtMost = 0.002;

/** One measurement per window. @param timeOfDatabase microseconds @param monotonic milliseconds */
export function createClockKeeper(dependencies: {
  readonly source: ClockSource;
  readonly policy: ClockPolicy;
  readonly append: AuditAppender['append'];
  readonly timeOfDatabase: () => Promise<number>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly monotonic?: () => number;
}): ClockKeeper {
  const {
    source,
    policy,
    append,
    timeOfDatabase,
    clock,
    random,
    logger,
    monotonic = () => performance.now(),
  } = dependencies;
  let newest: ClockQuality | undefined;
  let alarmed = false;
  let rounds: Rounds | undefined;
  let measuring: Promise<void> | undefined;
  let measuredAt = monotonic();
  let steps: number[] = [];
  let compared = { wall: clock.now(), even: monotonic() };

  /** The clock was set if the wall clock moved further than the time that passed. */
  function lookForStep(): void {
    const now = { wall: clock.now(), even: monotonic() };
    const passed = now.even - compared.even;
    const step = now.wall - compared.wall - passed;
    if (Math.abs(step) > stepAtLeastMs + passed * slewAtMost) steps.push(Math.round(step));
    compared = now;
  }

  function draft(type: 'clock.measured' | 'clock.alarm', data: Json): RecordDraft {
    return { id: newId('record', { clock, random }), type, source: 'audit-log', outcome: 'done', data };
  }

  /** Offset of the database's clock; positive when ours is behind. */
  async function againstDatabase(): Promise<Json> {
    const began = { wall: clock.now(), even: monotonic() };
    const theirs = await timeOfDatabase();
    const halfWayMs = (monotonic() - began.even) / 2;
    return {
      offset_us: Math.round(theirs - (began.wall + halfWayMs) * 1000),
      uncertainty_us: Math.ceil(halfWayMs * 1000) + 1_000,
    };
  }

  function isWithinBudget(reading: ClockReading): boolean | undefined {
    if (source.kind === 'system') return undefined;
    return reading.measured && Math.abs(reading.offsetUs) + reading.uncertaintyUs <= policy.budgetUs;
  }

  async function measureOnce(): Promise<void> {
    lookForStep();
    const [reading, database] = await Promise.all([source.measure(), againstDatabase()]);
    const withinBudget = isWithinBudget(reading);
    const stepsMs = steps;
    const said = {
      source: source.kind,
      synchronised: reading.measured,
      ...(reading.measured
        ? {
            offset_us: reading.offsetUs,
            uncertainty_us: reading.uncertaintyUs,
            stratum: reading.stratum,
            reference: reading.reference,
          }
        : { reason: reading.reason }),
      database,
      steps_ms: stepsMs.slice(-20),
      budget_us: policy.budgetUs,
      ...(withinBudget === undefined ? {} : { within_budget: withinBudget }),
    };
    // Set before the append: this record is accepted while others are refused.
    const wasRefused = newest?.withinBudget === false;
    const record = draft('clock.measured', said);
    if (withinBudget === false && newest !== undefined) newest = { ...newest, withinBudget };
    await append(record);
    newest = { record: record.id, source: source.kind, reading, withinBudget };
    steps = steps.slice(stepsMs.length);
    measuredAt = monotonic();
    if (withinBudget !== false) {
      if (wasRefused) logger.info({ source: source.kind }, 'the clock is within its budget again');
      alarmed = false;
      return;
    }
    if (alarmed) return;
    await append(draft('clock.alarm', { ...said, measured: record.id, policy: policy.overBudget }));
    alarmed = true;
    logger.error({ clock: said, policy: policy.overBudget }, 'the clock is over its budget, or cannot be measured');
  }

  function measure(): Promise<void> {
    measuring ??= measureOnce().finally(() => {
      measuring = undefined;
    });
    return measuring;
  }

  async function measureIfDue(): Promise<void> {
    lookForStep();
    const wait = newest?.withinBudget === false ? Math.min(policy.windowMs, retryEveryMs) : policy.windowMs;
    if (measuring !== undefined || (steps.length === 0 && monotonic() - measuredAt < wait)) return;
    try {
      await measure();
    } catch (error) {
      measuredAt = monotonic();
      throw error;
    }
  }

  return {
    measure,
    start() {
      if (policy.windowMs <= 0) return;
      const everyMs = Math.min(lookEveryMs, policy.windowMs);
      rounds = createRounds({ what: 'measuring the clock', work: measureIfDue, logger, everyMs });
    },
    newest: () => newest,
    refusal() {
      if (policy.overBudget !== 'refuse' || newest?.withinBudget !== false) return undefined;
      return auditLogErrors.error(
        'clock_over_budget',
        'The clock of this server is outside its error budget. Nothing was released; try again when the clock has been corrected.',
      );
    },
    async stop() {
      await rounds?.stop();
      await measuring?.catch(() => undefined);
    },
  };
}
