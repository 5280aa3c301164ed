import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PolicyBundle } from '@countersign/contracts';
import { CodedError, type Json, sha256Base64Url } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smallBundle } from '../testing/small-bundle.ts';
import { readBundle } from './bundle-body.ts';
import { loadBundle } from './load-bundle.ts';
import { hashOfBundle, partsOf } from './parts.ts';
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

function nested(depth: number): Json {
  let value: Json = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

describe('a bundle', () => {
  it('is loaded with the annotations of its policies', () => {
    const loaded = loadBundle(small);
    expect(loaded.parsed.policies.map(({ id }) => id)).toEqual(['trader-creates-orders', 'too-large']);
    expect(loaded.notes('too-large')).toMatchObject({ effect: 'forbid', reason: 'notional_per_order' });
    expect(loaded.hash).toBe(hashOfBundle(small));
  });

  it('warns of an escalation to a role that cannot approve', () => {
    const policy = (steps: string) =>
      withPolicies(`@id("a") @remedy("approval risk 1") @escalation("${steps}") forbid (principal, action, resource);`);
    expect(loadBundle(policy('desk-head 60, risk 120')).parsed.warnings).toEqual([]);
    expect(loadBundle(policy('desk-head 60, pope 120')).parsed.warnings).toEqual([
      { source: 'policies', policyId: 'a', message: expect.stringContaining('pope') },
    ]);
  });

  it('is refused as a whole, with the file and line of each problem', () => {
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
    [
      'a limit that is passed by whom nobody can approve as',
      {
        limits: [
          {
            id: 'x',
            measure: 'notional',
            per: ['trader'],
            window: 'order',
            max: '1',
            unit: 'EUR',
            overridable_by: 'cfo',
          },
        ],
      },
      { file: 'limits.json', message: expect.stringContaining('cfo') },
    ],
    [
      'a remedy that nobody can fulfil',
      {
        policies: [
          {
            file: 'a.cedar',
            text: '@id("a") @remedy("approval head-of-trading 1") forbid (principal, action, resource);',
          },
        ],
      },
      { policyId: 'a', message: expect.stringContaining('head-of-trading') },
    ],
    ['a rate', { rates: { 'USD/EUR': '0' } }, { file: 'limits.json' }],
    ['the order of files', { policies: small.policies.toReversed() }, {}],
    ['a file twice', { tests: [...small.tests, ...small.tests] }, {}],
    [
      'an annotation',
      { policies: [{ file: 'a.cedar', text: '@id("a") @remedy("flowers") forbid (principal, action, resource);' }] },
      { file: 'a.cedar', line: 1, policyId: 'a' },
    ],
    [
      'names that are one where capitals make no difference',
      {
        policies: [{ file: 'Guards.cedar', text: '' }, ...small.policies],
      },
      { file: 'guards.cedar', message: expect.stringContaining('Guards.cedar') },
    ],
  ])('is refused for %s', (_, part, problem) => {
    const error = refusalOf(() => loadBundle({ ...small, ...part }));
    expect(error.code).toBe('policy_invalid');
    expect(error.facts?.['problems']).toMatchObject([problem]);
  });

  it.each([
    ['U+0000 in a remark', withPolicies('// \u0000\n@id("a") permit (principal, action, resource);'), 'p0.cedar'],
    ['U+0000 in the schema', { ...small, schema: `${small.schema}// \u0000` }, 'schema.cedarschema'],
    ['U+0000 in a test', { ...small, tests: [{ file: 'a.json', content: { a: ['\u0000'] } }] }, 'tests/a.json'],
    ['half a character in a test', { ...small, tests: [{ file: 'a.json', content: '\ud800' }] }, 'tests/a.json'],
    [
      'a test that nests without end',
      { ...small, tests: [{ file: 'a.json', content: nested(50_000) }] },
      'tests/a.json',
    ],
  ])('with %s, which cannot be stored, is refused', (_, bundle, file) => {
    expect(refusalOf(() => loadBundle(bundle)).facts?.['problems']).toMatchObject([{ file }]);
  });

  it('that is not text is refused as unreadable', () => {
    expect(refusalOf(() => loadBundle(withPolicies('\ud800'))).code).toBe('policy_invalid');
    expect(refusalOf(() => loadBundle({ ...small, schema: '\ud800' })).code).toBe('policy_invalid');
  });
});

describe('the hash of a bundle', () => {
  it('covers everything that affects decisions, and nothing else', () => {
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

  it('does not depend on the formatting of JSON', () => {
    const again = JSON.parse(
      JSON.stringify({ ...small, entities: [{ parents: [], attrs: {}, uid: { id: 'DE', type: 'Country' } }] }),
    );
    expect(hashOfBundle(again)).toBe(hashOfBundle(small));
  });

  it('is made of file digests that anybody can compute', () => {
    const [schema, first] = partsOf(small);
    expect(schema).toMatchObject({ part: 'schema.cedarschema', digest: sha256Base64Url(small.schema) });
    expect(first).toMatchObject({ part: 'entitlements.cedar', digest: sha256Base64Url(small.policies[0]?.text ?? '') });
  });
});

describe('a submitted bundle', () => {
  it('is accepted in the documented shape and no other', () => {
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

  it('is read or refused with a code, whatever it contains', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(refusalOf(() => readBundle(value)).code).toBe('policy_invalid');
      }),
    );
  });
});

/** The caller removes the folder. */
function folderOf({ schema, policies, tests }: PolicyBundle): string {
  const home = mkdtempSync(join(tmpdir(), 'bundle-'));
  mkdirSync(join(home, 'tests'));
  writeFileSync(join(home, 'schema.cedarschema'), schema);
  writeFileSync(join(home, 'entities.json'), JSON.stringify(small.entities));
  for (const { file, text } of policies) writeFileSync(join(home, file), text);
  for (const { file, content } of tests) writeFileSync(join(home, 'tests', file), JSON.stringify(content));
  return home;
}

describe('a folder', () => {
  const folder = fileURLToPath(new URL('../../policies/', import.meta.url));

  it('is read as shipped', async () => {
    const bundle = await readBundleFolder(folder);
    expect(bundle.policies.map(({ file }) => file)).toEqual([...bundle.policies.map(({ file }) => file)].sort());
    expect(loadBundle(bundle).parsed.policies.length).toBeGreaterThan(10);
  });

  it.each([
    ['limits under another name', 'limits.json', '{"limit":[]}', 'limit'],
    ['limits that are a list', 'limits.json', '[]', 'limits.json'],
    ['limits that are null', 'limits.json', '{"limits":null}', 'limits.json must contain a list'],
    ['rates that are null', 'limits.json', '{"rates":null}', 'limits.json'],
    ['rates that are a number', 'limits.json', '{"rates":5}', 'limits.json'],
    ['a file that is nearly one of a bundle', 'limit.json', '{}', 'limit.json'],
    ['policies with another ending', 'late.CEDAR', '', 'late.CEDAR'],
    ['policies in a folder below', 'eu/gates.cedar', '', 'eu'],
    ['tests in a folder below', 'tests/eu/gates.json', '{}', 'tests/eu'],
    ['tests with another ending', 'tests/gates.jsonc', '{}', 'tests/gates.jsonc'],
    ['a file that nothing of a bundle may be called', '_late.cedar', '', '_late.cedar has an invalid name'],
    ['policies that are not UTF-8', 'late.cedar', Buffer.from('// Z\xfcrich', 'latin1'), 'late.cedar is not UTF-8'],
    ['a byte order mark', 'late.cedar', '\ufeff// late', 'late.cedar starts with a byte order mark'],
    ['a member that stands in it twice', 'limits.json', '{"limits":[],"limits":[]}', 'the same key twice'],
    ['more than a bundle may hold', 'late.cedar', ' '.repeat(5 * 1024 * 1024), 'late.cedar is too large'],
  ])('is not read without %s', async (_, name, text, told) => {
    const home = folderOf(small);
    try {
      mkdirSync(dirname(join(home, name)), { recursive: true });
      writeFileSync(join(home, name), text);
      const error: unknown = await readBundleFolder(home).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'policy_invalid', detail: expect.stringContaining(told) });
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it.each([
    ['a file', 'late.cedar', 'guards.cedar', 'late.cedar is a link'],
    ['a folder of files', 'more', 'tests', 'more is a link'],
    ['a test', 'tests/late.json', 'orders.json', 'tests/late.json is a link'],
  ])('is refused with a link to %s: what is reviewed must be what is read', async (_, name, target, told) => {
    const home = folderOf(small);
    try {
      symlinkSync(target, join(home, name));
      await expect(readBundleFolder(home)).rejects.toMatchObject({
        code: 'policy_invalid',
        detail: expect.stringContaining(told),
      });
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it('is refused without waiting when an entry is not a regular file', async () => {
    const home = folderOf(small);
    const socket = createServer();
    try {
      await new Promise<void>((resolve) => socket.listen(join(home, 'late.cedar'), resolve));
      await expect(readBundleFolder(home)).rejects.toMatchObject({ detail: 'late.cedar is not a file.' });
    } finally {
      await new Promise((resolve) => socket.close(resolve));
      rmSync(home, { recursive: true });
    }
  });

  it('may hold files that plainly do not belong to a bundle', async () => {
    const home = folderOf(small);
    try {
      for (const name of ['README.md', '.gitignore', 'tests/README.md']) writeFileSync(join(home, name), 'x');
      mkdirSync(join(home, '.git'));
      expect(await readBundleFolder(home)).toEqual(small);
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it('that is not a bundle is refused, naming what is missing', async () => {
    await expect(readBundleFolder('/nowhere')).rejects.toMatchObject({ code: 'policy_invalid' });
    await expect(readBundleFolder(fileURLToPath(new URL('.', import.meta.url)))).rejects.toMatchObject({
      code: 'policy_invalid',
      detail: expect.stringContaining('schema.cedarschema is missing in the folder'),
    });
  });
});
