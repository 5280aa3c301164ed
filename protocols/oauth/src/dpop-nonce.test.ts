import { createHmac } from 'node:crypto';
import { seededRandom } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { createNonceSource } from './dpop-nonce.ts';

const secret = seededRandom('nonces').bytes(32);
const windowSeconds = 60;
const start = 1_800_000_000_000;
const source = createNonceSource({ secret, windowSeconds });

describe('a DPoP nonce', () => {
  it('is accepted for one to two windows after it was issued', () => {
    const nonce = source.current(start);
    expect(source.current(start + 59_999)).toBe(nonce);
    expect(source.current(start + 60_000)).not.toBe(nonce);
    for (const later of [0, 59_999, 60_000, 119_999]) expect(source.accepts(nonce, start + later)).toBe(true);
    for (const later of [120_000, 600_000]) expect(source.accepts(nonce, start + later)).toBe(false);
  });

  it('issued by a node whose clock is ahead is accepted, but not one from further ahead', () => {
    expect(source.accepts(source.current(start + 60_000), start)).toBe(true);
    expect(source.accepts(source.current(start + 120_000), start)).toBe(false);
  });

  it('is the same on every node with the same secret, and on no other', () => {
    const another = createNonceSource({ secret, windowSeconds });
    expect(another.current(start)).toBe(source.current(start));
    const foreign = createNonceSource({ secret: seededRandom('others').bytes(32), windowSeconds });
    expect(source.accepts(foreign.current(start), start)).toBe(false);
  });

  it('uses only the characters that RFC 9449 section 8.1 allows', () => {
    expect(source.current(start)).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it.each(['', 'x', 'a'.repeat(43), 'ü'.repeat(43)])('cannot be %j', (nonce) => {
    expect(source.accepts(nonce, start)).toBe(false);
  });

  it('differs from the secret’s output for another purpose in the same window', () => {
    const window = `${Math.floor(start / 60_000)}`;
    expect(source.accepts(createHmac('sha256', secret).update(window).digest('base64url'), start)).toBe(false);
  });

  it('needs an unguessable secret and a window', () => {
    expect(() => createNonceSource({ secret: secret.subarray(1), windowSeconds })).toThrow(RangeError);
    for (const wrong of [0, -1, Number.NaN])
      expect(() => createNonceSource({ secret, windowSeconds: wrong })).toThrow(RangeError);
  });
});
