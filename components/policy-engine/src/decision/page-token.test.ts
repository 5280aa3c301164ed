import { digestOf } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPageToken, writePageToken } from './search.ts';

const request = digestOf({ asked: { kind: 'subject' }, institution: 'x' });
const refused = expect.objectContaining({ code: 'page_token_invalid' });

describe('a page token', () => {
  it('holds any position and any limit', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(1_000), (after, limit) => {
        const token = writePageToken({ after, limit }, request);
        expect(token).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$/);
        expect(readPageToken(token, request, 1_000)).toEqual({ after: after.toWellFormed(), limit });
      }),
    );
  });

  it.each([1_001, -1, 0.5])('with %s results per page is refused, although its checksum is right', (limit) => {
    const token = writePageToken({ after: '', limit }, request);
    expect(() => readPageToken(token, request, 1_000)).toThrowError(refused);
  });

  it('belongs to one request', () => {
    const token = writePageToken({ after: 'person:anna', limit: 10 }, request);
    for (const other of [{ asked: { kind: 'subject' }, institution: 'y' }, {}].map(digestOf))
      expect(() => readPageToken(token, other, 1_000)).toThrowError(refused);
  });

  it('is refused with any character changed, left out or added', () => {
    const token = writePageToken({ after: 'person:anna', limit: 10 }, request);
    for (let at = 0; at < token.length; at++) {
      const changed = token[at] === 'A' ? 'B' : 'A';
      for (const instead of [changed, '', `${token[at]}A`, '=', '+'])
        expect(() => readPageToken(token.slice(0, at) + instead + token.slice(at + 1), request, 1_000)).toThrowError(
          refused,
        );
    }
  });

  it('is refused when it is anything else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(() => readPageToken(text, request, 1_000)).toThrowError(refused);
      }),
    );
  });
});
