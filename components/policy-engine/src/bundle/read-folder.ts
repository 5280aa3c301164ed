import type { Dirent } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApplicationModel, type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type Json, membersOf, parseJson } from '@countersign/kernel';
import { bundleBodyLimit, readApplication, readBundle } from './bundle-body.ts';
import { detailTypesFile } from './located.ts';

/**
 * Reads a bundle from a folder: `schema.cedarschema`, any number of `*.cedar`, and optionally `entities.json`, `limits.json`,
 * `tests/*.json` and the application models in `applications/<namespace>/`. Files are sorted by name. Hidden files and files that do
 * not look like rules are ignored. Files are UTF-8 without a byte order mark, at most four megabytes together, and not links, because
 * the target of a link was not reviewed.
 * @throws CodedError `policy_invalid` for a missing or unreadable file, and for rules that would be ignored, because a missing forbid
 *   permits
 */
export async function readBundleFolder(folder: URL | string): Promise<PolicyBundle> {
  const path = folder instanceof URL ? fileURLToPath(folder) : folder;
  const names = await namesIn(path, 'bundle');
  const read = createReader(path);
  const rules = await rulesIn(path, '', names, read);
  const { limits, rates } = names.includes('limits.json') ? await limitsOf(read) : noLimits;
  const applications: ApplicationModel[] = [];
  if (names.includes('applications'))
    for (const name of await namesIn(join(path, 'applications'), 'applications', 'applications/'))
      applications.push(await modelIn(path, `applications/${name}/`, read, name));
  return readBundle({
    ...rules,
    limits: listIn(limits, 'limits.json'),
    rates,
    ...(applications.length === 0 ? {} : { applications }),
  });
}

/**
 * Reads an application model from its own folder: `model.json`, and its rules like those of a bundle.
 * @throws CodedError `policy_invalid`
 */
export async function readApplicationFolder(path: string): Promise<ApplicationModel> {
  return readApplication(await modelIn(path, '', createReader(path)));
}

/** Whether a folder holds an application model instead of a bundle. */
export async function isApplicationFolder(path: string): Promise<boolean> {
  const names: readonly string[] = await readdir(path).catch(() => []);
  return names.includes('model.json');
}

/** @param named name of the folder, if it must equal the namespace */
async function modelIn(path: string, below: string, read: Reader, named?: string): Promise<ApplicationModel> {
  const names = await namesIn(join(path, below), 'application', below);
  if (!names.includes('model.json'))
    throw policyErrors.error(
      'policy_invalid',
      `${below}model.json is missing. It states the types that the model answers for.`,
    );
  const described = membersOf(await read.json(`${below}model.json`));
  if (described === undefined) throw policyErrors.error('policy_invalid', `${below}model.json is not a JSON object.`);
  const own = ['schema', 'policies', 'entities', 'tests', 'authorizationDetails'].find((name) =>
    Object.hasOwn(described, name),
  );
  if (own !== undefined)
    throw policyErrors.error('policy_invalid', `${below}model.json has ${own}, which belongs into a file of its own.`);
  if (named !== undefined && described['namespace'] !== named)
    throw policyErrors.error(
      'policy_invalid',
      `The namespace in ${below}model.json differs from the name of its folder.`,
    );
  const rules = await rulesIn(path, below, names, read);
  const details = names.includes(detailTypesFile)
    ? { authorizationDetails: listIn(await read.json(`${below}${detailTypesFile}`), detailTypesFile) }
    : {};
  // `readBundle` or `readApplication` checks the whole value.
  return { ...described, ...rules, ...details } as unknown as ApplicationModel;
}

async function rulesIn(path: string, below: string, names: readonly string[], read: Reader) {
  if (!names.includes('schema.cedarschema'))
    throw policyErrors.error(
      'policy_invalid',
      `${below}schema.cedarschema is missing in the folder. \`countersign policy export\` writes a whole bundle into an empty folder.`,
    );
  const tests = names.includes('tests')
    ? (await namesIn(join(path, below, 'tests'), 'tests', `${below}tests/`)).filter((name) => name.endsWith('.json'))
    : [];
  // One after the other, so that an oversized bundle is never in memory.
  const policies: { file: string; text: string }[] = [];
  for (const file of names.filter((name) => name.endsWith('.cedar')))
    policies.push({ file, text: await read.text(`${below}${file}`) });
  const contents: { file: string; content: Json }[] = [];
  for (const file of tests) contents.push({ file, content: await read.json(`${below}tests/${file}`) });
  const entities = `${below}entities.json`;
  return {
    schema: await read.text(`${below}schema.cedarschema`),
    policies,
    entities: names.includes('entities.json') ? listIn(await read.json(entities), entities) : [],
    tests: contents,
  };
}

type Kind = keyof typeof partOf;

/** @param below the path inside the folder of the bundle */
async function namesIn(path: string, kind: Kind, below = ''): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  return entries
    .filter((entry) => {
      const problem = problemOf(entry, kind);
      if (problem !== undefined) throw policyErrors.error('policy_invalid', `${below}${entry.name} ${problem}`);
      return partOf[kind].test(entry.name);
    })
    .map(({ name }) => name)
    .sort();
}

const partOf = {
  bundle: /^(?:.*\.cedar|schema\.cedarschema|entities\.json|limits\.json|tests|applications)$/s,
  application: /^(?:.*\.cedar|schema\.cedarschema|entities\.json|model\.json|authorization-details\.json|tests)$/s,
  applications: /^[A-Za-z0-9]+$/s,
  tests: /\.json$/s,
} as const;
const folders: ReadonlySet<string> = new Set(['tests', 'applications']);
const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.(?:cedar|cedarschema|json)$/;
const likeRules = /\.(?:cedar|cedarschema|json|jsonc|json5)$/i;

function problemOf(entry: Dirent, kind: Kind): string | undefined {
  const { name } = entry;
  const known = partOf[kind].test(name);
  if (!known && name.startsWith('.')) return undefined;
  if (entry.isSymbolicLink())
    return 'is a link. Replace it with its target, so that the reviewed file is the one that is read.';
  if (!known)
    return entry.isDirectory() || likeRules.test(name)
      ? 'would be ignored, because no part of a bundle has such a name. Rename it, or move it elsewhere.'
      : undefined;
  if (kind === 'applications' || (kind !== 'tests' && folders.has(name)))
    return entry.isDirectory()
      ? undefined
      : `is not a folder. Put ${name === 'tests' ? 'tests' : 'each model'} into one.`;
  if (!entry.isFile()) return 'is not a file.';
  return plainName.test(name)
    ? undefined
    : 'has an invalid name. Use letters, digits, dots, hyphens and underscores, a letter or digit first, at most 64 characters before the ending.';
}

interface Reader {
  text(file: string): Promise<string>;
  json(file: string): Promise<Json>;
}

function createReader(path: string): Reader {
  let left = bundleBodyLimit;
  async function text(file: string): Promise<string> {
    const bytes = await bytesOf(join(path, file), left).catch((cause: unknown) => {
      throw unreadable(file, cause);
    });
    if (bytes === undefined)
      throw policyErrors.error(
        'policy_invalid',
        `${file} is too large: a bundle has at most four megabytes, including tests.`,
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

/** @returns undefined if the file is larger */
async function bytesOf(path: string, most: number): Promise<Buffer | undefined> {
  const file = await open(path);
  try {
    return (await file.stat()).size > most ? undefined : await file.readFile();
  } finally {
    await file.close();
  }
}

/** Strict decoding, because a replacement character would change the rule. */
function decoded(file: string, bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw policyErrors.error('policy_invalid', `${file} is not UTF-8. Save it as UTF-8.`);
  }
  if (text.startsWith('\ufeff'))
    throw policyErrors.error('policy_invalid', `${file} starts with a byte order mark. Save it as UTF-8 without one.`);
  return text;
}

const noLimits = { limits: [], rates: {} };

/** An absent file or member means none; `null` is an error, because a tool may have lost the limits. */
async function limitsOf(read: Reader): Promise<{ readonly limits: Json; readonly rates: Json }> {
  const members = membersOf(await read.json('limits.json'));
  if (members === undefined)
    throw policyErrors.error('policy_invalid', 'limits.json is not a JSON object with limits and rates.');
  const unknown = Object.keys(members).find((name) => name !== 'limits' && name !== 'rates');
  if (unknown !== undefined)
    throw policyErrors.error(
      'policy_invalid',
      `limits.json has the unknown member ${unknown.slice(0, 64)}. Only limits and rates are allowed.`,
    );
  return { ...noLimits, ...members };
}

function listIn(json: Json, file: string): readonly Json[] {
  if (!Array.isArray(json)) throw policyErrors.error('policy_invalid', `${file} must contain a list.`);
  return json;
}

function unreadable(file: string, cause: unknown): Error {
  const what = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return policyErrors.error('policy_invalid', `${file} cannot be read${what}.`, { cause });
}
