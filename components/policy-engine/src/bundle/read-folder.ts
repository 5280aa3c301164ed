import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type Json, membersOf, parseJson } from '@countersign/kernel';
import { readBundle } from './read-bundle.ts';

/**
 * Reads the bundle of a folder: `schema.cedarschema`; any number of `*.cedar`; where there are any, `entities.json`,
 * `limits.json` and `tests/*.json`. Files of one kind are taken in the order of their names. What begins with a dot, and
 * what nobody could take for rules, may lie beside them.
 *
 * @throws CodedError `policy_invalid` for a file that is missing or no JSON, and for rules that would be left out: a
 *   forbid that was only meant to be there permits
 */
export async function readBundleFolder(folder: URL | string): Promise<PolicyBundle> {
  const path = folder instanceof URL ? fileURLToPath(folder) : folder;
  const names = await namesIn(path);
  const policies = await Promise.all(
    names.filter((name) => name.endsWith('.cedar')).map(async (file) => ({ file, text: await textOf(path, file) })),
  );
  const limits = names.includes('limits.json') ? await limitsOf(path) : {};
  const tests = names.includes('tests')
    ? (await namesIn(join(path, 'tests'), 'tests/')).filter((name) => name.endsWith('.json'))
    : [];
  return readBundle({
    schema: await textOf(path, 'schema.cedarschema'),
    policies,
    entities: names.includes('entities.json') ? listIn(await jsonOf(path, 'entities.json'), 'entities.json') : [],
    limits: listIn(membersOf(limits)?.['limits'] ?? [], 'limits.json'),
    rates: membersOf(limits)?.['rates'] ?? {},
    tests: await Promise.all(tests.map(async (file) => ({ file, content: await jsonOf(join(path, 'tests'), file) }))),
  });
}

/** @param below of the folder of the bundle, `tests/` or nothing */
async function namesIn(path: string, below: '' | 'tests/' = ''): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  for (const entry of entries) {
    const { name } = entry;
    const known = below === '' ? ofBundle.test(name) : name.endsWith('.json');
    if (known || name.startsWith('.') || !(entry.isDirectory() || likeRules.test(name))) continue;
    throw policyErrors.error(
      'policy_invalid',
      `${below}${name} would not be read: it is named as no part of a bundle is.`,
    );
  }
  return entries.map(({ name }) => name).sort();
}

const ofBundle = /^(?:.*\.cedar|schema\.cedarschema|entities\.json|limits\.json|tests)$/s;
const likeRules = /\.(?:cedar|cedarschema|json|jsonc|json5)$/i;

async function limitsOf(path: string): Promise<Json> {
  const limits = await jsonOf(path, 'limits.json');
  if (typeof limits !== 'object' || limits === null || Array.isArray(limits))
    throw policyErrors.error('policy_invalid', 'limits.json holds no object with limits and rates.');
  const unknown = Object.keys(limits).find((name) => name !== 'limits' && name !== 'rates');
  if (unknown === undefined) return limits;
  throw policyErrors.error(
    'policy_invalid',
    `limits.json holds ${unknown.slice(0, 64)}, which is neither limits nor rates.`,
  );
}

async function textOf(path: string, file: string): Promise<string> {
  try {
    return await readFile(join(path, file), 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

async function jsonOf(path: string, file: string): Promise<Json> {
  const read = parseJson(await textOf(path, file), { maxLength: 4_194_304 });
  if (!read.ok) throw policyErrors.error('policy_invalid', `${file} cannot be read: ${read.problem}.`);
  return read.value;
}

function listIn(json: Json, file: string): readonly Json[] {
  if (!Array.isArray(json)) throw policyErrors.error('policy_invalid', `${file} holds no list where one belongs.`);
  return json;
}

function unreadable(file: string, cause: unknown): Error {
  const what = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return policyErrors.error('policy_invalid', `${file} cannot be read${what}.`, { cause });
}
