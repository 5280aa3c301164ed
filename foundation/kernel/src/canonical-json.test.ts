import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { canonicalize, parseJson } from './canonical-json.ts';
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

  it('writes negative zero as zero and leaves undefined members out', () => {
    expect(canonicalize({ b: undefined, a: -0 })).toBe('{"a":0}');
  });
});

describe('parsing JSON from outside', () => {
  it.each([
    ['{"a":1,"a":2}', 'twice'],
    ['{"a":{"b":1,"\\u0062":2}}', 'twice'],
    ['{"a":', 'not JSON'],
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

  it('refuses a text over the limit before parsing it', () => {
    expect(parseJson('[1,2,3]', { maxLength: 3 })).toMatchObject({ ok: false, problem: 'it is too long' });
  });
});
