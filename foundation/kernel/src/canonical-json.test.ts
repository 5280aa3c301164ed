import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { canonicalize, parseExactJson, parseJson } from './canonical-json.ts';
import { isCodedError } from './errors.ts';

const archive = resolve(process.env['COUNTERSIGN_VECTORS'] ?? '../shared/vectors', 'jcs/rfc8785.tar.gz');

describe('canonical JSON', () => {
  describe.skipIf(!existsSync(archive))(`the RFC 8785 vectors (skipped where ${archive} is not found)`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'jcs-'));
    if (existsSync(archive)) execFileSync('tar', ['xzf', archive, '-C', folder]);
    afterAll(() => rmSync(folder, { recursive: true }));
    const inputs = existsSync(archive) ? readdirSync(join(folder, 'input')) : ['-'];
    it.each(inputs)('writes %s as the RFC does', (name) => {
      const value: unknown = JSON.parse(readFileSync(join(folder, 'input', name), 'utf8'));
      expect(canonicalize(value)).toBe(readFileSync(join(folder, 'output', name), 'utf8').trimEnd());
    });
  });

  it.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a lone surrogate', '\ud800'],
    ['a bigint', 1n],
    ['an integer of 2^53', 2 ** 53],
    ['an integer of -2^53', -(2 ** 53)],
    ['an integer of twenty digits', 1.5e19],
    ['a date', new Date(0)],
    ['a function', () => 1],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalize({ value })).toThrow(expect.objectContaining({ code: 'not_canonicalizable' }));
  });

  it('refuses a nesting that would exhaust the stack', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    try {
      canonicalize(deep);
      expect.unreachable();
    } catch (error) {
      expect(isCodedError(error, 'not_canonicalizable')).toBe(true);
    }
  });

  it('writes negative zero as zero and omits undefined members', () => {
    expect(canonicalize({ b: undefined, a: -0 })).toBe('{"a":0}');
  });
});

describe('parsing untrusted JSON', () => {
  it.each([
    ['{"a":1,"a":2}', 'twice'],
    ['{"a":{"b":1,"\\u0062":2}}', 'twice'],
    ['{"a":', 'not JSON'],
    ['9007199254740992', '2^53'],
    ['{"a":[{"b":-9007199254740993}]}', '2^53'],
    ['[9007199254740993.0]', '2^53'],
    ['[1e16]', '2^53'],
    ['[1e400]', '2^53'],
    [`[${'9'.repeat(400)}]`, '2^53'],
    [`${'['.repeat(200)}${']'.repeat(200)}`, 'deeper'],
  ])('refuses %s', (text, why) => {
    const parsed = parseJson(text);
    expect(parsed).toMatchObject({ ok: false, problem: expect.stringContaining(why) });
  });

  it('is not misled by braces, colons and escaped quotes inside strings', () => {
    expect(parseJson('{"a":"x\\":","b":["c: {\\"d\\":1}"],"__proto__":{"e":1}}')).toMatchObject({
      ok: true,
    });
  });

  it('accepts numbers up to 2^53 - 1, fractions, and digits in texts', () => {
    const text =
      '{"least":-9007199254740991,"most":9007199254740991,"part":0.1,"id":"9007199254740993","9007199254740993":1}';
    expect(parseJson(text)).toEqual({ ok: true, value: JSON.parse(text) });
    expect(canonicalize(JSON.parse(text))).toContain('"most":9007199254740991');
  });

  it('refuses a text over the limit before parsing it', () => {
    expect(parseJson('[1,2,3]', { maxLength: 3 })).toMatchObject({ ok: false, problem: 'it is too long' });
  });
});

describe('parsing JSON with exact integers', () => {
  it('keeps every digit, and reads everything else as JSON.parse does', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
        fc.constantFrom('', ' ', '\n\t'),
        (json, integer, gap) => {
          const other: unknown = JSON.parse(json);
          const read = parseExactJson(`{${gap}"a"${gap}:${gap}[${json},${integer}${gap}],"\\"]}":${integer}}`);
          const safe = integer >= -(2n ** 53n) + 1n && integer < 2n ** 53n;
          const value = safe ? Number(integer) : integer;
          const isKept = parseExactJson(`[${json},1]`).ok;
          if (isKept) expect(read).toEqual({ ok: true, value: { a: [other, value], '"]}': value } });
          else expect(read.ok).toBe(false);
        },
      ),
    );
    expect(parseExactJson('{"__proto__":9007199254740993}')).toEqual({
      ok: true,
      value: Object.fromEntries([['__proto__', 9_007_199_254_740_993n]]),
    });
  });

  it.each([
    ['[9007199254740993.5]', 'exactly'],
    ['[1e400]', 'exactly'],
    [`[${'9'.repeat(40)}]`, 'exactly'],
    ['{"a":9007199254740993,"a":9007199254740993}', 'twice'],
    ['[9007199254740993', 'not JSON'],
    [`${'['.repeat(65)}9007199254740993${']'.repeat(65)}`, 'deeper'],
  ])('refuses %s', (text, why) => {
    expect(parseExactJson(text)).toMatchObject({ ok: false, problem: expect.stringContaining(why) });
  });
});
