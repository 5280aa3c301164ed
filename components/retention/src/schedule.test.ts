import { isCodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { dueBefore, erasableFrom, firstSchedule, scheduleOf, yearsAfter, yearsBefore } from './schedule.ts';

const at = (text: string): number => Date.parse(text);
const codeOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return isCodedError(error) ? error.code : error;
  }
};

describe('a schedule', () => {
  it('is the longest that any of the chosen laws requires, per class', () => {
    expect(scheduleOf({ presets: ['sec-17a-4'] }).years).toEqual({
      transaction: 6,
      authority: 6,
      access: 3,
      operation: 3,
    });
    expect(scheduleOf({ presets: ['sec-17a-4', 'mifir-25'] }).years).toEqual({
      transaction: 6,
      authority: 6,
      access: 5,
      operation: 5,
    });
    expect(scheduleOf({ presets: ['own'], years: { transaction: 2, authority: 3 } }).years).toEqual({
      transaction: 2,
      authority: 3,
      access: 1,
      operation: 1,
    });
  });

  it('may be longer than the law, as MiFID II lets the authority require seven years', () => {
    const years = { transaction: 7, authority: 7 };
    expect(scheduleOf({ presets: ['mifir-25'], years }).years).toMatchObject({ ...years, access: 5 });
  });

  it('is never shorter than a chosen law', () => {
    expect(codeOf(() => scheduleOf({ presets: ['cftc-1.31'], years: { transaction: 4 } }))).toBe('retention_too_short');
    expect(codeOf(() => scheduleOf({ presets: ['sec-17a-4'], years: { access: 2 } }))).toBe('retention_too_short');
  });

  it('keeps mandates and policies at least as long as what refers to them', () => {
    expect(codeOf(() => scheduleOf({ presets: ['mifir-25'], years: { transaction: 7 } }))).toBe('retention_too_short');
    expect(codeOf(() => scheduleOf({ presets: ['own'], years: { access: 2 } }))).toBe('retention_too_short');
  });

  it('removes nothing early before anybody has decided', () => {
    expect(firstSchedule).toEqual({
      version: 0,
      presets: ['sec-17a-4', 'cftc-1.31', 'mifir-25'],
      years: { transaction: 6, authority: 6, access: 5, operation: 5 },
    });
  });
});

describe('years', () => {
  it('are calendar years in UTC', () => {
    expect(yearsBefore(at('2036-03-01T12:00:00Z'), 6)).toBe(at('2030-03-01T12:00:00Z'));
    expect(dueBefore(firstSchedule, at('2036-03-01T12:00:00Z'))).toEqual({
      transaction: at('2030-03-01T12:00:00Z'),
      authority: at('2030-03-01T12:00:00Z'),
      access: at('2031-03-01T12:00:00Z'),
      operation: at('2031-03-01T12:00:00Z'),
    });
  });

  it('remove nothing early around 29 February', () => {
    for (const now of ['2028-02-28T23:59:59.999Z', '2028-02-29T12:00:00Z', '2028-03-01T00:00:00Z']) {
      const before = yearsBefore(at(now), 1);
      // Anything older has been kept for a whole year, also when its day has no anniversary.
      expect(yearsAfter(before - 1, 1)).toBeLessThanOrEqual(at(now));
    }
    expect(yearsBefore(at('2028-02-29T12:00:00Z'), 1)).toBe(at('2027-02-28T12:00:00Z'));
    expect(yearsAfter(at('2028-02-29T12:00:00Z'), 1)).toBe(at('2029-03-01T12:00:00Z'));
  });

  it('for restricted values in custody records are the longest of all', () => {
    expect(erasableFrom(firstSchedule, 'custody', at('2030-05-01T00:00:00Z'))).toBe(at('2036-05-01T00:00:00Z'));
    expect(erasableFrom(firstSchedule, 'access', at('2030-05-01T00:00:00Z'))).toBe(at('2035-05-01T00:00:00Z'));
  });
});
