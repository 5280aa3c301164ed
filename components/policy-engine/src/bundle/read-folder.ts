import type { Dirent } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type Json, membersOf, parseJson } from '@countersign/kernel';
import { bundleBodyLimit } from './bundle-body.ts';
import { readBundle } from './read-bundle.ts';

/**
 * Reads the bundle of a folder: `schema.cedarschema`; any number of `*.cedar`; where there are any, `entities.json`,
 * `limits.json` and `tests/*.json`. Files of one kind are taken in the order of their names. What begins with a dot, and
 * what nobody could take for rules, may lie beside them. Files are UTF-8 without a byte order mark, four megabytes all
 * together, and lie there themselves: what a link leads to is not what was reviewed.
 *
 * @throws CodedError `policy_invalid` for a file that is missing or cannot be read as it is, and for rules that would be
 *   left out: a forbid that was only meant to be there permits
 */
export async function readBundleFolder(folder: URL | string): Promise<PolicyBundle> {
  const path = folder instanceof URL ? fileURLToPath(folder) : folder;
  const names = await namesIn(path);
  if (!names.includes('schema.cedarschema'))
    throw policyErrors.error(
      'policy_invalid',
      'There is no schema.cedarschema in the folder: `countersign policy export` writes a whole bundle into an empty one.',
    );
  const tests = names.includes('tests')
    ? (await namesIn(join(path, 'tests'), 'tests/')).filter((name) => name.endsWith('.json'))
    : [];
  const read = createReader(path);
  // One after the other, so that what is too much is never held.
  const policies: { file: string; text: string }[] = [];
  for (const file of names.filter((name) => name.endsWith('.cedar')))
    policies.push({ file, text: await read.text(file) });
  const { limits, rates } = names.includes('limits.json') ? await limitsOf(read) : noLimits;
  const contents: { file: string; content: Json }[] = [];
  for (const file of tests) contents.push({ file, content: await read.json(`tests/${file}`) });
  return readBundle({
    schema: await read.text('schema.cedarschema'),
    policies,
    entities: names.includes('entities.json') ? listIn(await read.json('entities.json'), 'entities.json') : [],
    limits: listIn(limits, 'limits.json'),
    rates,
    tests: contents,
  });
}

/** @param below of the folder of the bundle, `tests/` or nothing */
async function namesIn(path: string, below: '' | 'tests/' = ''): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  return entries
    .filter((entry) => {
      const problem = problemOf(entry, below);
      if (problem !== undefined) throw policyErrors.error('policy_invalid', `${below}${entry.name} ${problem}`);
      return partOf[below].test(entry.name);
    })
    .map(({ name }) => name)
    .sort();
}

const partOf = {
  '': /^(?:.*\.cedar|schema\.cedarschema|entities\.json|limits\.json|tests)$/s,
  'tests/': /\.json$/s,
} as const;
const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.(?:cedar|cedarschema|json)$/;
const likeRules = /\.(?:cedar|cedarschema|json|jsonc|json5)$/i;

function problemOf(entry: Dirent, below: '' | 'tests/'): string | undefined {
  const { name } = entry;
  const known = partOf[below].test(name);
  if (!known && name.startsWith('.')) return undefined;
  if (entry.isSymbolicLink()) return 'is a link: put there what it leads to, so that what is reviewed is what is read.';
  if (!known)
    return entry.isDirectory() || likeRules.test(name)
      ? 'would not be read: it is named as no part of a bundle is. Rename it, or move it elsewhere.'
      : undefined;
  if (below === '' && name === 'tests') return entry.isDirectory() ? undefined : 'is no folder: tests lie in one.';
  if (!entry.isFile()) return 'is no file.';
  return plainName.test(name)
    ? undefined
    : 'has a name that no file of a bundle may have: letters, digits, dots, hyphens and underscores, a letter or a digit first, 64 at most before the ending.';
}

interface Reader {
  text(file: string): Promise<string>;
  json(file: string): Promise<Json>;
}

/** Reads files of one folder, of so many bytes all together. */
function createReader(path: string): Reader {
  let left = bundleBodyLimit;
  async function text(file: string): Promise<string> {
    const bytes = await bytesOf(join(path, file), left).catch((cause: unknown) => {
      throw unreadable(file, cause);
    });
    if (bytes === undefined)
      throw policyErrors.error(
        'policy_invalid',
        `${file} is too much: a bundle holds no more than four megabytes, tests included.`,
      );
    left -= bytes.length;
    return decoded(file, bytes);
  }
  return {
    text,
    async json(file) {
      const read = parseJson(await text(file), { maxLength: bundleBodyLimit });
      if (!read.ok) throw policyErrors.error('policy_invalid', `${file} cannot be read: ${read.problem}.`);
      return read.value;
    },
  };
}

/** @returns undefined where the file holds more */
async function bytesOf(path: string, most: number): Promise<Buffer | undefined> {
  const file = await open(path);
  try {
    return (await file.stat()).size > most ? undefined : await file.readFile();
  } finally {
    await file.close();
  }
}

/** As it was written: a character that was put in the place of what cannot be read would make it another rule. */
function decoded(file: string, bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw policyErrors.error('policy_invalid', `${file} is not UTF-8: save it as that.`);
  }
  if (text.startsWith('\ufeff'))
    throw policyErrors.error('policy_invalid', `${file} begins with a byte order mark: save it as UTF-8 without one.`);
  return text;
}

const noLimits = { limits: [], rates: {} };

/** Only what is not there at all is none: `null` is where a tool has lost them. */
async function limitsOf(read: Reader): Promise<{ readonly limits: Json; readonly rates: Json }> {
  const members = membersOf(await read.json('limits.json'));
  if (members === undefined)
    throw policyErrors.error('policy_invalid', 'limits.json holds no object with limits and rates.');
  const unknown = Object.keys(members).find((name) => name !== 'limits' && name !== 'rates');
  if (unknown !== undefined)
    throw policyErrors.error(
      'policy_invalid',
      `limits.json holds ${unknown.slice(0, 64)}, which is neither limits nor rates.`,
    );
  return { ...noLimits, ...members };
}

function listIn(json: Json, file: string): readonly Json[] {
  if (!Array.isArray(json)) throw policyErrors.error('policy_invalid', `${file} holds no list where one belongs.`);
  return json;
}

function unreadable(file: string, cause: unknown): Error {
  const what = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return policyErrors.error('policy_invalid', `${file} cannot be read${what}.`, { cause });
}
