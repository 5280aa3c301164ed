import { CodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseForm } from './form.ts';

describe('a form', () => {
  it('is read as URLSearchParams reads it, for any well-formed text', () => {
    const storable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');
    const names = fc.string({ minLength: 1, maxLength: 20 }).filter(storable);
    const values = fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme' }).filter(storable);
    fc.assert(
      fc.property(fc.dictionary(names, values, { maxKeys: 10, noNullPrototype: true }), (parameters) => {
        const body = new URLSearchParams(parameters).toString();
        expect(Object.fromEntries(parseForm(body))).toEqual(parameters);
      }),
    );
  });

  it('treats a parameter without a value as not sent (RFC 6749 section 3.2)', () => {
    expect([...parseForm('a=&b&c=1')]).toEqual([['c', '1']]);
  });

  it.each(['a=1&a=2', 'a=1&a=1', 'a=&a=1', 'a&a', 'a=1&%61=2'])(
    'is refused when a parameter comes twice: %s',
    (body) => {
      expect(() => parseForm(body)).toThrow(
        expect.objectContaining({ code: 'form_repeated', facts: { parameter: 'a' } }),
      );
    },
  );

  it('does not repeat a hostile parameter name in its error', () => {
    expect(() => parseForm('%0d%0a=1&%0d%0a=2')).toThrow(
      expect.objectContaining({ facts: { parameter: 'parameter' } }),
    );
  });

  it.each([
    'a=%',
    'a=%4',
    'a=%zz',
    'a=%ff',
    '%c0%ae=1',
    'a=%ed%a0%80',
    'a=b c',
    'a=\u00e9',
    'a=\u0000',
    'a=%00',
    'a=1%002',
    '%00=1',
    'a=1\r\n',
    '=1',
    '&',
    'a=1&',
  ])('is refused as malformed: %j', (body) => {
    expect(() => parseForm(body)).toThrow(expect.objectContaining({ code: 'form_malformed' }));
  });

  it('is refused when it is too long or has too many parameters', () => {
    expect(() => parseForm(`a=${'x'.repeat(65_536)}`)).toThrow(expect.objectContaining({ code: 'form_too_large' }));
    const many = Array.from({ length: 41 }, (_, index) => `p${index}=1`).join('&');
    expect(() => parseForm(many)).toThrow(expect.objectContaining({ code: 'form_too_large' }));
  });

  it('never fails with anything but a coded error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (body) => {
        try {
          parseForm(body);
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
    );
  });
});
