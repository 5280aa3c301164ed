import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  readChangeRequest,
  readDesk,
  readDigest,
  readFolder,
  readId,
  readReason,
  readTime,
  readVersion,
} from './options.ts';

describe('an option of the policy commands', () => {
  it.each([
    ['a time', readTime, '2026-11-21T09:30:00+01:00', ['yesterday', '2026-11-21', '']],
    ['a folder', readFolder, 'policies', ['']],
    ['an id', readId, 'pol_01m81fyv4y11k4g8vr9qs1435g', ['', '.', '..', '../active', 'pol_%2e', 'a b']],
    ['a version', readVersion, '12', ['0', '-1', '1.5', 'two', '9999999999']],
    ['a change request', readChangeRequest, 'CHG-1142', ['INC 88', '', 'ü', 'x'.repeat(129)]],
    ['a reason', readReason, 'Blocks go to risk', ['', ' ', 'two\nlines', 'x'.repeat(401)]],
    [
      'a digest',
      readDigest,
      'LnW34Tpuepujvx1JEzB0Nu4sV0gOS0qU3VO2Wx2NUv0',
      ['abc', 'LnW34Tpuepujvx1JEzB0Nu4sV0gOS0qU3VO2Wx2NUv0='],
    ],
    ['a desk', readDesk, '5493000ARRANGERDEM94/rates', ['rates', '/rates', '5493000ARRANGERDEM94/']],
  ])('accepts %s, and explains what it accepts instead of an invalid value', (_, read, good, wrong) => {
    expect(read(good)).toBe(good);
    for (const text of wrong) expect(() => read(text)).toThrow(InvalidArgumentError);
    expect(() => read(wrong[0] ?? '')).toThrow(/^(?:Write|It has 43) /);
  });
});
