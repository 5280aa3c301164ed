import { type RetentionPreset, type RetentionSchedule, retentionPresets } from '@countersign/contracts';

/** `custody` has none: records about removals are never pruned. */
export type RetentionYears = RetentionSchedule['years'];
export type ScheduledClass = keyof RetentionYears;
export const scheduledClasses = ['transaction', 'authority', 'access', 'operation'] as const satisfies ScheduledClass[];

export const shortestYears = 1;
export const longestYears = 100;

interface Preset {
  readonly source: string;
  /** Minimum. */
  readonly years: RetentionYears;
}

/** Minimum years per class. A class that a law does not mention is kept as long as the records that need it. */
export const presets: Readonly<Record<RetentionPreset, Preset>> = {
  /**
   * 17 CFR 240.17a-4(a): six years for ledgers; (b)(1): three years for memoranda of orders. Orders and their outcomes
   * are one history here, so six years apply to both. (f)(2)(i)(A): the audit trail of a record is kept as long as the
   * record.
   */
  'sec-17a-4': {
    source: '17 CFR 240.17a-4(a), (b), (f)',
    years: { transaction: 6, authority: 6, access: 3, operation: 3 },
  },
  /**
   * 17 CFR 1.31(b)(3): five years from creation. (b)(1), swaps: five years after their end, which is not known here, so
   * they need a hold or the firm's own years. (a) includes how, when and by whom a record was made.
   */
  'cftc-1.31': {
    source: '17 CFR 1.31(a), (b)',
    years: { transaction: 5, authority: 5, access: 5, operation: 5 },
  },
  /**
   * Regulation (EU) 600/2014 Article 25(1) and (2): five years for orders and transactions. Directive 2014/65/EU
   * Article 16(7): up to seven years for recordings if the authority asks; use the firm's own years.
   */
  'mifir-25': {
    source: 'Regulation (EU) 600/2014 Article 25; Directive 2014/65/EU Article 16(7)',
    years: { transaction: 5, authority: 5, access: 5, operation: 5 },
  },
  own: {
    source: 'the firm itself',
    years: { transaction: shortestYears, authority: shortestYears, access: shortestYears, operation: shortestYears },
  },
};

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

/** The default until someone decides: the strictest of all laws. */
export const firstSchedule: RetentionSchedule = {
  version: 0,
  presets: retentionPresets.filter((name) => name !== 'own'),
  years: leastYears(retentionPresets),
};
