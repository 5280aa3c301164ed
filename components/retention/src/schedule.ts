import {
  type RetentionClass,
  type RetentionPreset,
  type RetentionSchedule,
  retentionErrors,
  retentionPresets,
} from '@countersign/contracts';

/** `custody` has none: records about removals are never pruned. */
export type RetentionYears = RetentionSchedule['years'];
export type ScheduledClass = keyof RetentionYears;
export const scheduledClasses = ['transaction', 'authority', 'access', 'operation'] as const satisfies ScheduledClass[];

/** The same members for each class of the schedule. */
export function forEachClass<Value>(member: (name: ScheduledClass) => Value): Readonly<Record<ScheduledClass, Value>> {
  return {
    transaction: member('transaction'),
    authority: member('authority'),
    access: member('access'),
    operation: member('operation'),
  };
}

const shortestYears = 1;

interface Preset {
  readonly source: string;
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
    years: forEachClass(() => shortestYears),
  },
};

function leastYears(chosen: readonly RetentionPreset[]): RetentionYears {
  return forEachClass((of) => Math.max(shortestYears, ...chosen.map((name) => presets[name].years[of])));
}

/** The default until someone decides: the strictest of all laws. */
export const firstSchedule: RetentionSchedule = {
  version: 0,
  presets: retentionPresets.filter((name) => name !== 'own'),
  years: leastYears(retentionPresets),
};

export interface WantedSchedule {
  readonly presets: readonly RetentionPreset[];
  /** The firm's own years; default: those of the presets. */
  readonly years?: Partial<RetentionYears>;
}

/**
 * @throws CodedError `retention_too_short` if the firm's own years are below a preset, or authority records would go
 * before the records that need them
 */
export function scheduleOf(wanted: WantedSchedule): Omit<RetentionSchedule, 'version'> {
  const least = leastYears(wanted.presets);
  const years: RetentionYears = { ...least, ...wanted.years };
  for (const name of scheduledClasses)
    if (years[name] < least[name])
      throw retentionErrors.error(
        'retention_too_short',
        `${sourcesOf(wanted.presets, name, least[name])} asks for ${least[name]} years of ${name} records, not ${years[name]}.`,
        { facts: { class: name, years: years[name], least: least[name] } },
      );
  const above = Math.max(years.transaction, years.access);
  if (years.authority < above)
    throw retentionErrors.error(
      'retention_too_short',
      `Mandates, policies and identities are kept at least as long as the records that depend on them: ${above} years, not ${years.authority}.`,
      { facts: { class: 'authority', years: years.authority, least: above } },
    );
  return { presets: [...new Set(wanted.presets)].toSorted(), years };
}

function sourcesOf(chosen: readonly RetentionPreset[], of: keyof RetentionYears, years: number): string {
  const asking = chosen.filter((name) => presets[name].years[of] === years);
  return asking.length === 0 ? 'Every schedule' : asking.map((name) => presets[name].source).join(', ');
}

/** Milliseconds, in UTC. Where there is no 29 February, it is the 28th. */
export function yearsBefore(moment: number, years: number): number {
  const date = new Date(moment);
  const month = date.getUTCMonth();
  date.setUTCFullYear(date.getUTCFullYear() - years);
  return date.getUTCMonth() === month ? date.getTime() : date.setUTCDate(0);
}

/** A record of 29 February is due on 1 March. */
export function yearsAfter(moment: number, years: number): number {
  const date = new Date(moment);
  return date.setUTCFullYear(date.getUTCFullYear() + years);
}

/** Records older than this have been kept as long as the schedule requires. */
export function dueBefore(
  { years }: Pick<RetentionSchedule, 'years'>,
  now: number,
): Readonly<Record<ScheduledClass, number>> {
  return forEachClass((name) => yearsBefore(now, years[name]));
}

/** Custody records are never pruned; their restricted values are kept for the longest period of any class. */
export function erasableFrom(
  { years }: Pick<RetentionSchedule, 'years'>,
  inClass: RetentionClass,
  newest: number,
): number {
  const kept = inClass === 'custody' ? Math.max(...Object.values(years)) : years[inClass];
  return yearsAfter(newest, kept);
}
