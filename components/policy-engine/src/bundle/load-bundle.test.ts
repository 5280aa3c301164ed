import { fileURLToPath } from 'node:url';
import type { PolicyBundle } from '@countersign/contracts';
import { CodedError, sha256Base64Url } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smallBundle } from '../testing/small-bundle.ts';
import { loadBundle } from './load-bundle.ts';
import { hashOfBundle, partsOf } from './parts.ts';
import { readBundle } from './read-bundle.ts';
import { readBundleFolder } from './read-folder.ts';

function refusalOf(work: () => unknown): CodedError {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const small = smallBundle();
const withPolicies = (...texts: readonly string[]): PolicyBundle => ({
  ...small,
  policies: texts.map((text, index) => ({ file: `p${index}.cedar`, text })),
});

describe('a bundle', () => {
  it('is loaded with what its policies say about themselves', () => {
    const loaded = loadBundle(small);
    expect(loaded.parsed.policies.map(({ id }) => id)).toEqual(['trader-creates-orders', 'too-large']);
    expect(loaded.notes('too-large')).toMatchObject({ effect: 'forbid', reason: 'notional_per_order' });
    expect(loaded.hash).toBe(hashOfBundle(small));
  });

  it('is refused whole, with the file and the line of each problem', () => {
    const wrong = withPolicies(
      '@id("fine") permit (principal, action, resource);',
      '// two lines\n@id("wrong") permit (principal, action, resource)\nwhen { principal.colour == "red" };',
    );
    const error = refusalOf(() => loadBundle(wrong));
    expect(error).toMatchObject({ code: 'policy_invalid', category: 'invalid' });
    expect(error.facts).toEqual({
      problems: [
        { file: 'p1.cedar', line: 3, column: 8, policyId: 'wrong', message: expect.stringContaining('colour') },
      ],
    });
    expect(error.detail).toContain('p1.cedar:3:8 wrong: ');
  });

  it.each([
    ['the schema', { schema: 'entity A;\nentity B in [Nowhere];' }, { file: 'schema.cedarschema', line: 2 }],
    ['the reference data', { entities: [{ uid: { type: 'Country' } }] }, { file: 'entities.json' }],
    [
      'reference data of another type',
      { entities: [{ uid: { type: 'Region', id: 'EEA' } }] },
      { file: 'entities.json' },
    ],
    ['a limit', { limits: [{ id: 'x' }] }, { file: 'limits.json' }],
    ['a rate', { rates: { 'USD/EUR': '0' } }, { file: 'limits.json' }],
    ['the order of files', { policies: small.policies.toReversed() }, {}],
    ['a file twice', { tests: [...small.tests, ...small.tests] }, {}],
    [
      'an annotation',
      { policies: [{ file: 'a.cedar', text: '@id("a") @remedy("flowers") forbid (principal, action, resource);' }] },
      { policyId: 'a' },
    ],
  ])('is refused for %s', (_, part, problem) => {
    const error = refusalOf(() => loadBundle({ ...small, ...part }));
    expect(error.code).toBe('policy_invalid');
    expect(error.facts?.['problems']).toMatchObject([problem]);
  });

  it('that is no text is refused as one that cannot be read', () => {
    expect(refusalOf(() => loadBundle(withPolicies('\ud800'))).code).toBe('policy_invalid');
    expect(refusalOf(() => loadBundle({ ...small, schema: '\ud800' })).code).toBe('policy_invalid');
  });
});

describe('the hash of a bundle', () => {
  it('is over everything that decides, and nothing else', () => {
    const hash = hashOfBundle(small);
    const others: readonly Partial<PolicyBundle>[] = [
      { schema: `${small.schema} ` },
      { policies: small.policies.slice(1) },
      { policies: small.policies.map((each, index) => ({ ...each, file: `${index}.cedar` })) },
      { entities: [] },
      { limits: [{}] },
      { rates: { 'USD/EUR': '1' } },
    ];
    const hashes = others.map((other) => hashOfBundle({ ...small, ...other }));
    expect(new Set([hash, ...hashes]).size).toBe(others.length + 1);
    expect(hashOfBundle({ ...small, tests: [] })).toBe(hash);
  });

  it('does not depend on how JSON was written', () => {
    const again = JSON.parse(
      JSON.stringify({ ...small, entities: [{ parents: [], attrs: {}, uid: { id: 'DE', type: 'Country' } }] }),
    );
    expect(hashOfBundle(again)).toBe(hashOfBundle(small));
  });

  it('is made of digests of the files as anybody computes them', () => {
    const [schema, first] = partsOf(small);
    expect(schema).toMatchObject({ part: 'schema.cedarschema', digest: sha256Base64Url(small.schema) });
    expect(first).toMatchObject({ part: 'entitlements.cedar', digest: sha256Base64Url(small.policies[0]?.text ?? '') });
  });
});

describe('a bundle from outside', () => {
  it('is one as it is sent, and nothing of another shape is', () => {
    expect(readBundle(JSON.parse(JSON.stringify(small)))).toEqual(small);
    const wrong: readonly unknown[] = [
      null,
      {},
      { ...small, more: 1 },
      { ...small, policies: [{ file: '../../etc/passwd.cedar', text: '' }] },
      { ...small, policies: [{ file: 'a.txt', text: '' }] },
      { ...small, rates: { 'USD/EUR': 1 } },
      { ...small, tests: [{ file: 'a.json' }] },
    ];
    for (const value of wrong) expect(refusalOf(() => readBundle(value)).code).toBe('policy_invalid');
  });

  it('is read or refused with a code, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(refusalOf(() => readBundle(value)).code).toBe('policy_invalid');
      }),
    );
  });
});

describe('a folder', () => {
  const folder = fileURLToPath(new URL('../../policies/', import.meta.url));

  it('is read as it is shipped', async () => {
    const bundle = await readBundleFolder(folder);
    expect(bundle.policies.map(({ file }) => file)).toEqual([...bundle.policies.map(({ file }) => file)].sort());
    expect(loadBundle(bundle).parsed.policies.length).toBeGreaterThan(10);
  });

  it('that is none is refused, naming what is missing', async () => {
    await expect(readBundleFolder('/nowhere')).rejects.toMatchObject({ code: 'policy_invalid' });
    await expect(readBundleFolder(fileURLToPath(new URL('.', import.meta.url)))).rejects.toMatchObject({
      code: 'policy_invalid',
      detail: 'schema.cedarschema cannot be read (ENOENT).',
    });
  });
});
