import { type RetentionPreset, type RetentionSchedule, retentionErrors } from '@countersign/contracts';
import { leastYears, presets, type RetentionYears, scheduledClasses } from './presets.ts';

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
      `Mandates, policies and identities are kept at least as long as what rests on them: ${above} years, not ${years.authority}.`,
      { facts: { class: 'authority', years: years.authority, least: above } },
    );
  return { presets: [...new Set(wanted.presets)].toSorted(), years };
}

function sourcesOf(chosen: readonly RetentionPreset[], of: keyof RetentionYears, years: number): string {
  const asking = chosen.filter((name) => presets[name].years[of] === years);
  return asking.length === 0 ? 'Every schedule' : asking.map((name) => presets[name].source).join(', ');
}
