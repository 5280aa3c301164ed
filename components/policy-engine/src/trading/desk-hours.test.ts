import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStaffed } from './desk-hours.ts';

const weekdays = [1, 2, 3, 4, 5];
const hours = (timeZone: string, opens: string, closes: string, days: readonly number[] = weekdays) => ({
  timeZone,
  opens,
  closes,
  days,
});
const at = (instant: string) => Date.parse(instant);

describe('a desk is staffed', () => {
  it.each([
    ['when it opens', '2026-11-20T07:00:00.000Z', true],
    ['not a millisecond before', '2026-11-20T06:59:59.999Z', false],
    ['to the last millisecond', '2026-11-20T16:59:59.999Z', true],
    ['not when it closes', '2026-11-20T17:00:00.000Z', false],
    ['not on a Saturday', '2026-11-21T12:00:00.000Z', false],
  ])('%s', (_, instant, expected) => {
    expect(isStaffed(hours('Europe/Berlin', '08:00', '18:00'), at(instant))).toBe(expected);
  });

  it('by its local clock, in summer and in winter', () => {
    const berlin = hours('Europe/Berlin', '08:00', '09:00', [1, 2, 3, 4, 5, 6, 7]);
    expect(isStaffed(berlin, at('2026-07-01T06:30:00Z'))).toBe(true);
    expect(isStaffed(berlin, at('2026-12-01T06:30:00Z'))).toBe(false);
    expect(isStaffed(berlin, at('2026-12-01T07:30:00Z'))).toBe(true);
  });

  it('on either side of a clock change', () => {
    const night = hours('Europe/Berlin', '02:00', '04:00', [7]);
    // 29 March 2026: 02:00 does not exist, 03:00 follows 01:59.
    expect(isStaffed(night, at('2026-03-29T00:59:59Z'))).toBe(false);
    expect(isStaffed(night, at('2026-03-29T01:00:00Z'))).toBe(true);
    expect(isStaffed(night, at('2026-03-29T02:00:00Z'))).toBe(false);
    // 25 October 2026: 02:30 comes twice.
    expect(isStaffed(night, at('2026-10-25T00:30:00Z'))).toBe(true);
    expect(isStaffed(night, at('2026-10-25T01:30:00Z'))).toBe(true);
  });

  it('across midnight, when it closes before it opens, by the day on which it opened', () => {
    const tokyo = hours('Asia/Tokyo', '22:00', '06:00', [5]);
    expect(isStaffed(tokyo, at('2026-11-20T13:00:00Z'))).toBe(true);
    expect(isStaffed(tokyo, at('2026-11-20T20:59:59Z'))).toBe(true);
    expect(isStaffed(tokyo, at('2026-11-20T21:00:00Z'))).toBe(false);
    expect(isStaffed(tokyo, at('2026-11-19T20:00:00Z'))).toBe(false);
  });

  it('across midnight from Sunday to Monday', () => {
    const utc = hours('UTC', '23:00', '01:00', [7]);
    expect(isStaffed(utc, at('2026-11-22T23:30:00Z'))).toBe(true);
    expect(isStaffed(utc, at('2026-11-23T00:30:00Z'))).toBe(true);
    expect(isStaffed(utc, at('2026-11-22T00:30:00Z'))).toBe(false);
  });

  it('until midnight, written as 24:00', () => {
    const late = hours('UTC', '20:00', '24:00');
    expect(isStaffed(late, at('2026-11-20T23:59:59Z'))).toBe(true);
    expect(isStaffed(late, at('2026-11-21T00:00:00Z'))).toBe(false);
  });

  it.each([
    ['a zone that does not exist', hours('Mars/Olympus', '00:00', '24:00')],
    ['hours that are none', hours('UTC', '8:00', '18:00')],
    ['hours after the last', hours('UTC', '08:00', '25:00')],
    ['minutes after the last', hours('UTC', '08:60', '18:00')],
  ])('never by %s', (_, nonsense) => {
    expect(isStaffed(nonsense, at('2026-11-20T12:00:00Z'))).toBe(false);
  });

  it('never at a time that does not exist', () => {
    expect(isStaffed(hours('Europe/Berlin', '00:00', '24:00'), Number.NaN)).toBe(false);
  });

  it('regardless of earlier questions', () => {
    const somewhen = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2030-01-01T00:00:00Z') });
    const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC');
    fc.assert(
      fc.property(zone, somewhen, fc.array(fc.tuple(zone, somewhen), { maxLength: 3 }), (timeZone, when, before) => {
        const open = hours(timeZone, '09:00', '17:30');
        for (const [otherZone, other] of before) isStaffed(hours(otherZone, '09:00', '17:30'), other);
        const shown = new Intl.DateTimeFormat('en-GB', {
          timeZone,
          hour: '2-digit',
          minute: '2-digit',
          weekday: 'short',
        }).format(when);
        const [day = '', time = ''] = shown.split(/,? /);
        const expected = !['Sat', 'Sun'].includes(day) && time >= '09:00' && time < '17:30';
        expect(isStaffed(open, when)).toBe(expected);
      }),
    );
  });
});
