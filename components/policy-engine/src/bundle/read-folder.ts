import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type Json, parseJson } from '@countersign/kernel';
import { readBundle } from './read-bundle.ts';

/**
 * Reads the bundle of a folder: `schema.cedarschema`; any number of `*.cedar`; where there are any, `entities.json`,
 * `limits.json` and `tests/*.json`. Files of one kind are taken in the order of their names.
 *
 * @throws CodedError `policy_invalid` for a file that is missing, no JSON, or named as no file of a bundle is
 */
export async function readBundleFolder(folder: URL | string): Promise<PolicyBundle> {
  const path = folder instanceof URL ? fileURLToPath(folder) : folder;
  const names = await namesIn(path);
  const policies = await Promise.all(
    names.filter((name) => name.endsWith('.cedar')).map(async (file) => ({ file, text: await textOf(path, file) })),
  );
  const limits = names.includes('limits.json') ? await jsonOf(path, 'limits.json') : {};
  const tests = names.includes('tests')
    ? (await namesIn(join(path, 'tests'))).filter((name) => name.endsWith('.json'))
    : [];
  return readBundle({
    schema: await textOf(path, 'schema.cedarschema'),
    policies,
    entities: names.includes('entities.json') ? listIn(await jsonOf(path, 'entities.json'), 'entities.json') : [],
    limits: listIn(memberOf(limits, 'limits') ?? [], 'limits.json'),
    rates: memberOf(limits, 'rates') ?? {},
    tests: await Promise.all(tests.map(async (file) => ({ file, content: await jsonOf(join(path, 'tests'), file) }))),
  });
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (cause) {
    throw unreadable(path, cause);
  }
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

function memberOf(json: Json, name: string): Json | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as Readonly<Record<string, Json>>)[name]
    : undefined;
}

function unreadable(file: string, cause: unknown): Error {
  const what = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return policyErrors.error('policy_invalid', `${file} cannot be read${what}.`, { cause });
}
