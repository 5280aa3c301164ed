import { isCodedError, type Json } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupShape, userShape } from '../schema/resource-shape.ts';
import { compileFilter } from './compile-filter.ts';

const principal = 'urn:countersign:scim:schemas:1.0:Principal';
const user: Json = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', principal],
  id: '2819c223-7f76-453a-919d-413861904646',
  userName: 'bjensen',
  externalId: 'A"b\\c',
  active: true,
  roles: [{ value: 'trader' }, { value: 'sales' }],
  [principal]: { desk: 'rates', federatedIdentities: [{ issuer: 'https://idp.example', subject: 'u-1' }] },
  meta: { created: '2026-11-21T10:00:00.000Z' },
};
const matches = (filter: string): boolean => compileFilter(filter, userShape)(user);
const refusalOf = (filter: string): string => {
  try {
    compileFilter(filter, userShape);
    return 'accepted';
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return error.code;
  }
};

describe('a filter', () => {
  it.each([
    // and binds more tightly than or, not more tightly than and (RFC 7644 section 3.4.2.2).
    ['userName eq "x" and userName eq "y" or active eq true', true],
    ['active eq true or userName eq "x" and userName eq "y"', true],
    ['(active eq true or userName eq "x") and userName eq "y"', false],
    ['not (userName eq "x") and active eq true', true],
    ['not (userName eq "bjensen" and active eq true)', false],
    ['USERNAME EQ "BJENSEN" AND ACTIVE EQ true', true],
    // caseExact decides, attribute by attribute.
    ['roles.value eq "Trader"', false],
    ['roles[value eq "trader"] and roles[value eq "sales"]', true],
    ['roles[value eq "trader" and value eq "sales"]', false],
    // The same instant in another notation.
    ['meta.created eq "2026-11-21T11:00:00+01:00"', true],
    ['meta.created gt "2026-11-21T09:59:59Z" and meta.created lt "2026-11-21T10:00:01Z"', true],
    ['meta.created sw "2026-11-21"', true],
    [`${principal}:desk eq "rates"`, true],
    [`URN:COUNTERSIGN:SCIM:SCHEMAS:1.0:PRINCIPAL:DESK eq "rates"`, true],
    [String.raw`externalId eq "A\"b\\c"`, true],
    [String.raw`externalId eq "\u0041\"b\\c"`, true],
    [String.raw`externalId eq "A\"b\\\\c"`, false],
    ['userName eq "userName eq \\"bjensen\\" or"', false],
    ['displayName ne "x"', true],
    ['shoeSize eq 42', false],
    ['urn:example:other:desk pr', false],
  ])('%s is %s', (filter, expected) => expect(matches(filter)).toBe(expected));

  it.each([
    '',
    ' ',
    'userName',
    'userName eq',
    'userName eq bjensen',
    'userName eq "bjensen',
    'userName is "bjensen"',
    'userName eq "a" and',
    'and userName eq "a"',
    '(userName eq "a"',
    'userName eq "a")',
    'roles[value eq "a"',
    'roles[]',
    'roles[value eq "a"].value eq "b"',
    "userName eq 'a'",
    'userName eq "a" userName eq "b"',
    'active gt true',
    'active eq "true"',
    'userName eq 1',
    'userName gt null',
    'meta eq "x"',
    'meta.created eq "yesterday"',
    'userName eq "a"; drop table entities',
    'userName eq "\u0000"',
    String.raw`userName eq "\x"`,
    String.raw`userName eq "\ud800"`,
  ])('is refused as %j', (filter) => expect(refusalOf(filter)).toBe('scim_filter_invalid'));

  it.each([
    `${principal}:federatedIdentities.subject sw "u"`,
    `${principal}:federatedIdentities[subject sw "u"]`,
    `${principal}:federatedIdentities pr`,
    `not (${principal}:federatedIdentities.issuer ne "x")`,
  ])('reveals nothing about hidden attributes: %s', (filter) => expect(refusalOf(filter)).toBe('scim_filter_invalid'));

  const deep = (depth: number): string => `${'('.repeat(depth)}userName eq "a"${')'.repeat(depth)}`;
  it.each<readonly [string, string, string]>([
    ['many quotes and line breaks', `userName eq "${'\n'.repeat(900)}`, 'scim_filter_invalid'],
    ['line breaks in a string', `userName eq "${'\n'.repeat(900)}"`, 'scim_filter_invalid'],
    ['backslashes', `userName eq "${'\\'.repeat(901)}"`, 'scim_filter_invalid'],
    ['depth', deep(13), 'scim_filter_invalid'],
    ['negations', `${'not '.repeat(200)}userName eq "a"`, 'accepted'],
    ['length', `userName eq "${'a'.repeat(1_100)}"`, 'scim_filter_invalid'],
    ['many comparisons', Array.from({ length: 65 }, () => 'id eq "a"').join(' or '), 'scim_filter_invalid'],
    ['digits', `userName eq ${'1'.repeat(900)}`, 'scim_filter_invalid'],
    ['a name of the language', '__proto__ pr or constructor.prototype pr or toString eq null', 'accepted'],
  ])('is bounded against %s', (_, filter, expected) => {
    // With exponential work, any of these would never finish.
    expect(refusalOf(filter)).toBe(expected);
  });

  it('may be nested, up to a limit', () => expect(refusalOf(deep(12))).toBe('accepted'));

  it('is refused or evaluated, whatever its text', () => {
    const word = fc.constantFrom(
      'userName',
      'roles',
      'eq',
      'co',
      'and',
      'or',
      'not',
      '(',
      ')',
      '[',
      ']',
      '"',
      '"a"',
      '.',
      'pr',
      '\\',
      'null',
      '1',
      ':',
      ' ',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 3 })), { maxLength: 24 }), (words) => {
        const filter = words.join(' ');
        for (const shape of [userShape, groupShape]) {
          try {
            expect(typeof compileFilter(filter, shape)(user)).toBe('boolean');
          } catch (error) {
            if (!isCodedError(error, 'scim_filter_invalid')) throw error;
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
