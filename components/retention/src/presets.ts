import { type RetentionPreset, type RetentionSchedule, retentionPresets } from '@countersign/contracts';

/** Years for each class; `custody` has none: what became of the evidence is never pruned. */
export type RetentionYears = RetentionSchedule['years'];
export type ScheduledClass = keyof RetentionYears;
export const scheduledClasses = ['transaction', 'authority', 'access', 'operation'] as const satisfies ScheduledClass[];

export const shortestYears = 1;
export const longestYears = 100;

interface Preset {
  /** The legal source. */
  readonly source: string;
  /** What it asks at least. */
  readonly years: RetentionYears;
}

/**
 * What the laws ask, as years for our classes. Where a law does not speak of a class, we keep it for as long as what it
 * is needed to read.
 */
export const presets: Readonly<Record<RetentionPreset, Preset>> = {
  /**
   * 17 CFR 240.17a-4(a): six years, the first two easily accessible, for the records of 240.17a-3(a)(1), (2), (3), (5),
   * (21) and (22) (blotters, ledgers); (b)(1): three years for memoranda of orders, 240.17a-3(a)(6) and (7). Orders and
   * what became of them are one history here, so the six years count for both. (f)(2)(i)(A) asks for the audit trail of a
   * record for as long as the record.
   */
  'sec-17a-4': {
    source: '17 CFR 240.17a-4(a), (b), (f)',
    years: { transaction: 6, authority: 6, access: 3, operation: 3 },
  },
  /**
   * 17 CFR 1.31(b)(3): five years from the creation of the record. 1.31(b)(1), swaps: until five years after their end;
   * nothing here knows when a swap ends, so these take a hold, or years of the firm's own. 1.31(a) counts in what says
   * how, when and by whom a record was made.
   */
  'cftc-1.31': {
    source: '17 CFR 1.31(a), (b)',
    years: { transaction: 5, authority: 5, access: 5, operation: 5 },
  },
  /**
   * Regulation (EU) 600/2014 Article 25(1) and (2): five years, for orders and transactions of firms and for orders at
   * venues. Directive 2014/65/EU Article 16(7): recordings five years and, where the authority asks, up to seven: then the
   * firm's own years are seven.
   */
  'mifir-25': {
    source: 'Regulation (EU) 600/2014 Article 25; Directive 2014/65/EU Article 16(7)',
    years: { transaction: 5, authority: 5, access: 5, operation: 5 },
  },
  /** No law: the firm's own years alone count. */
  own: {
    source: 'the firm itself',
    years: { transaction: shortestYears, authority: shortestYears, access: shortestYears, operation: shortestYears },
  },
};

/** For each class the longest that any of these asks. */
export function leastYears(chosen: readonly RetentionPreset[]): RetentionYears {
  const longest = (of: ScheduledClass): number =>
    Math.max(shortestYears, ...chosen.map((name) => presets[name].years[of]));
  return {
    transaction: longest('transaction'),
    authority: longest('authority'),
    access: longest('access'),
    operation: longest('operation'),
  };
}

/** In force before anybody has decided otherwise: whatever law binds the firm, nothing goes too early. */
export const firstSchedule: RetentionSchedule = {
  version: 0,
  presets: retentionPresets.filter((name) => name !== 'own'),
  years: leastYears(retentionPresets),
};
