import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { migratedComponents } from './database/migrated-components.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = join(root, 'docs/threats');
const textOf = (path: string): string => readFileSync(path, 'utf8');

const pages = readdirSync(folder)
  .filter((name) => /^stolen-role-.*\.md$/.test(name))
  .map((name) => ({ name, text: textOf(join(folder, name)) }));

const testFiles = ['apps', 'components', 'foundation', 'protocols', 'tests'].flatMap((room) =>
  readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules'))
    .map((path) => join(room, path)),
);

/** The test files that a page names, by their path or the end of it. */
const namedIn = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, name = '']) => name)),
];
const filesCalled = (name: string): readonly string[] =>
  testFiles.filter((path) => path === name || path.endsWith(`/${name}`));

describe.each(migratedComponents.map(({ role }) => [role]))('the database role %s', (role) => {
  it('has a page that states what its thief can do, and names the tests', () => {
    const its = pages.filter(({ text }) => text.includes(`\`${role}\``));
    expect(its.map(({ name }) => name)).toHaveLength(1);
    expect(its.flatMap(({ text }) => namedIn(text).flatMap(filesCalled))).not.toEqual([]);
  });
});

describe.each(pages.map(({ name, text }) => [name, text]))('%s', (name, text) => {
  it('is in the table of the README', () => {
    expect(textOf(join(folder, 'README.md'))).toContain(`](${name})`);
  });

  it('names test files that exist', () => {
    const names = namedIn(text);
    expect(names).not.toEqual([]);
    expect(names.filter((one) => filesCalled(one).length === 0)).toEqual([]);
    // A path from the root is the file itself, not the end of another path.
    expect(names.filter((one) => /^(?:apps|components|tests)\//.test(one) && !existsSync(join(root, one)))).toEqual([]);
  });

  it('quotes tests that exist in those files', () => {
    const tests = namedIn(text)
      .flatMap(filesCalled)
      .map((path) => textOf(join(root, path)));
    const quoted = text
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .flatMap((line) => [...(line.split(' | ').at(-1) ?? '').matchAll(/"([^"]+)"/g)].map(([, quote = '']) => quote));
    const missing = quoted.filter((quote) => {
      const [beginning = '', ...further] = quote.split('...').map((part) => part.trim());
      const begins = beginning === '' ? [''] : [`'${beginning}`, `"${beginning}`, `\`${beginning}`];
      return !tests.some(
        (file) =>
          [beginning, ...further].every((part) => file.includes(part)) && begins.some((one) => file.includes(one)),
      );
    });
    expect(missing).toEqual([]);
  });
});

it('every kept test of a stolen role is named by a page', () => {
  const named = new Set(pages.flatMap(({ text }) => namedIn(text)));
  const kept = testFiles.filter((path) => basename(path).startsWith('stolen-role') && path.startsWith('components/'));
  const room = (path: string) => path.split('/')[1] ?? '';
  expect(
    kept.filter(
      (path) =>
        !named.has(path) &&
        !pages.some(
          ({ name, text }) => name === `stolen-role-${room(path)}.md` && text.includes('`stolen-role.test.ts`'),
        ),
    ),
  ).toEqual([]);
});
