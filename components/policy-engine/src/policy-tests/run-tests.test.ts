import type { PolicyBundle } from '@countersign/contracts';
import { type Json, parseJson } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBundle } from '../bundle/load-bundle.ts';
import { smallBundle } from '../testing/small-bundle.ts';
import { readTestFile, readUid, runPolicyTests, runPolicyTestsInTurns } from './run-tests.ts';

const small = smallBundle();
const [shipped] = small.tests;
const content = shipped?.content as unknown as { tests: readonly Record<string, Json>[] };
const [first = {}] = content.tests;

/** The report on the small bundle with only this test. */
function reportOn(test: Record<string, unknown>) {
  const tests = [{ file: 'a.json', content: { ...content, tests: [{ ...first, ...test }] } as unknown as Json }];
  return runPolicyTests(loadBundle({ ...small, tests }));
}
const differencesOf = (test: Record<string, unknown>) => reportOn(test).tests[0]?.differences;

describe('the tests of a bundle', () => {
  it('pass where the policies decide as expected, and every policy is tested', async () => {
    const report = runPolicyTests(loadBundle(small));
    expect(report).toMatchObject({ passed: 3, failed: 0, untested: [] });
    expect(await runPolicyTestsInTurns(loadBundle(small))).toEqual(report);
  });

  it('name the policies that determined no decision', () => {
    expect(reportOn({}).untested).toEqual(['too-large']);
  });

  it('show the expected and the actual result', () => {
    expect(differencesOf({ expect: { decision: 'deny' } })).toEqual(['decision: expected deny, and it was permit.']);
    expect(differencesOf({ principal: 'Person::"person:carl"' })).toEqual([
      'decision: expected permit, and it was deny (no_policy_permits).',
      'reasons: no_policy_permits not expected, and there.',
      'determining: trader-creates-orders expected, and missing.',
    ]);
    expect(differencesOf({ expect: { decision: 'permit', token_lifetime_seconds: 60 } })).toEqual([
      'token lifetime: expected 60 seconds, and it was not said.',
    ]);
    expect(differencesOf({ expect: { decision: 'permit', obligations: [{ kind: 'step-up', acr: 'phrh' }] } })).toEqual([
      'obligations: {"acr":"phrh","kind":"step-up"} expected, and missing.',
    ]);
  });

  it('fail with the location of what is unknown in them', () => {
    const report = reportOn({ principle: 'Person::"person:carl"' });
    expect(report.tests.map(({ differences }) => differences)).toEqual([
      ['The test file cannot be read: /tests/0/principle is not a known member.'],
    ]);
  });

  it('report why a policy could not be evaluated', () => {
    const overflowing =
      '@id("overflowing") forbid (principal, action == Action::"order:create", resource) when { context.count * 3037000500 > 0 };';
    const counted: PolicyBundle = {
      ...small,
      schema: small.schema.replace('country: Country', 'country: Country, count: Long'),
      policies: [...small.policies, { file: 'more.cedar', text: overflowing }],
      tests: [
        {
          file: 'a.json',
          content: { ...content, tests: [{ ...first, context: { count: 9_007_199_254_740_991 } }] } as unknown as Json,
        },
      ],
    };
    const [outcome] = runPolicyTests(loadBundle(counted)).tests;
    expect(outcome?.ok).toBe(false);
    expect(outcome?.differences.at(-1)).toMatch(/^overflowing failed: /);
  });

  it.each([
    ['lacks an attribute', { attrs: { notional: null } }, 'Order::"order" attrs.notional'],
    ['has one of another type', { attrs: { notional: 'much' } }, 'Order::"order" attrs.notional'],
    ['has one that nobody declared', { attrs: { colour: 'red' } }, 'Order::"order"'],
    ['has another context', { context: { country: null } }, 'context'],
    ['has a context of another type', { context: { country: 'DE' } }, 'context.country'],
  ])('fail when the question %s, since nobody can ever ask it', (_, test, words) => {
    const report = reportOn({ ...test, expect: { decision: 'deny' } });
    expect(report).toMatchObject({ passed: 0, failed: 1, untested: ['too-large', 'trader-creates-orders'] });
    expect(report.tests[0]?.differences[0]).toContain(words);
  });

  it.each([
    ['a principal that is not a uid', { principal: 'anna' }, 'anna does not have the form Type::"id".'],
    ['a resource that does not exist', { resource: 'nothing' }, 'nothing is not a name in resources'],
    ['something else that does not exist', { also: ['nothing'] }, 'There is no nothing'],
    ['attributes of what is not its own', { resource: 'Order::"x"', attrs: { a: 1 } }, 'cannot be changed'],
    ['an action that nobody declared', { action: 'order:eat' }, 'decision: expected permit, and it was deny'],
  ])('fail for %s', (_, test, words) => {
    const report = reportOn(test);
    expect(report).toMatchObject({ passed: 0, failed: 1 });
    expect(report.tests[0]?.differences[0]).toContain(words);
  });

  it.each([
    ['an action that nobody declared', { action: 'order:crate' }, 'the action is not declared', 'no_policy_permits'],
    ['a principal that does not exist', { principal: 'Person::"person:ana"' }, 'failed: ', 'no_policy_permits'],
  ])('do not pass by %s: a typing mistake is denied whatever the rules say', (_, slip, words, reason) => {
    expect(differencesOf({ ...slip, expect: { decision: 'deny' } })).toEqual([expect.stringContaining(words)]);
    expect(differencesOf({ ...slip, expect: { decision: 'deny', reasons: [reason] } })).toEqual([]);
  });

  it('fail as a file when it is invalid, and when its entities contradict each other', () => {
    const entity = { uid: { type: 'Person', id: 'twice' }, attrs: {}, parents: [] };
    for (const wrong of [
      {},
      [],
      'x',
      { ...content, more: 1 },
      { tests: [{ name: 'x' }] },
      { tests: [], entities: [entity, entity] },
    ]) {
      const tests = [{ file: 'a.json', content: wrong as unknown as Json }];
      expect(runPolicyTests(loadBundle({ ...small, tests }))).toMatchObject({ passed: 0, failed: 1 });
    }
  });

  it('always end in a report, whatever they hold', () => {
    // A bundle with a number that has no canonical form is refused before its tests are run.
    const content = fc.jsonValue().filter((value) => parseJson(JSON.stringify(value)).ok);
    fc.assert(
      fc.property(content, fc.dictionary(fc.string(), content), (value, attrs) => {
        const tests = [{ file: 'a.json', content: value as Json }];
        expect(runPolicyTests(loadBundle({ ...small, tests })).passed).toBe(0);
        expect(reportOn({ attrs, context: attrs }).tests).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a uid', () => {
  it.each([
    ['Person::"person:anna"', { type: 'Person', id: 'person:anna' }],
    ['A::B::"x\\"y"', { type: 'A::B', id: 'x"y' }],
    ['Person::anna', undefined],
    ['Person::"a"b"', undefined],
    ['"a"', undefined],
    ['', undefined],
  ])('%s is read as Cedar writes it', (text, uid) => {
    expect(readUid(text)).toEqual(uid);
  });

  it('in a test file may be a resource too', () => {
    expect(readTestFile(shipped?.content ?? null)).toMatchObject({ tests: [{}, {}, {}] });
  });
});
