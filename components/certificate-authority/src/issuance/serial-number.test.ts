import { systemRandom } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { newSerialNumber } from './serial-number.ts';

it('is positive, has 16 octets for any random octets, and does not repeat', () => {
  expect(newSerialNumber({ bytes: (count) => new Uint8Array(count) })).toBe(`40${'00'.repeat(15)}`);
  expect(newSerialNumber({ bytes: (count) => new Uint8Array(count).fill(0xff) })).toBe(`7f${'ff'.repeat(15)}`);
  const many = 200_000;
  const serials = new Set(Array.from({ length: many }, () => newSerialNumber(systemRandom)));
  expect(serials.size).toBe(many);
});
