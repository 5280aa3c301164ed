import { expect, it } from 'vitest';
import { decodePem, encodePem } from './pem.ts';

const der = Uint8Array.from({ length: 100 }, (_, index) => index);
const pem = encodePem('CERTIFICATE', der);

it('writes lines of at most 64 characters, and reads them back', () => {
  expect(Math.max(...pem.split('\n').map((line) => line.length))).toBe(64);
  expect(decodePem(pem, 'CERTIFICATE REQUEST', 'CERTIFICATE')).toEqual(Buffer.from(der));
  expect(decodePem(pem.replaceAll('\n', '\r\n'), 'CERTIFICATE')).toEqual(Buffer.from(der));
});

it.each([
  ['another label', encodePem('CERTIFICATE REQUEST', der)],
  ['two blocks', pem + pem],
  ['text around the block', `Certificate:\n${pem}`],
  ['labels that differ', pem.replace('END CERTIFICATE', 'END X509 CRL')],
  ['characters that are not base64', pem.replace('AAECAw', 'AAE*Aw')],
  ['base64 of another length', pem.replace('AAECAw', 'AAECA')],
  ['nothing', ''],
])('does not read %s', (_, text) => {
  expect(decodePem(text, 'CERTIFICATE')).toBeUndefined();
});
