import type { Dirent } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApplicationModel, type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type Json, membersOf, parseJson } from '@countersign/kernel';
import { detailTypesFile } from './application.ts';
import { bundleBodyLimit } from './bundle-body.ts';
import { readApplication, readBundle } from './read-bundle.ts';

/**
 * Reads the bundle of a folder: `schema.cedarschema`; any number of `*.cedar`; where there are any, `entities.json`,
 * `limits.json`, `tests/*.json` and, in `applications/<namespace>/`, the models of applications. Files of one kind are taken in
 * the order of their names. What begins with a dot, and
 * what nobody could take for rules, may lie beside them. Files are UTF-8 without a byte order mark, four megabytes all
 * together, and lie there themselves: what a link leads to is not what was reviewed.
 *
 * @throws CodedError `policy_invalid` for a file that is missing or cannot be read as it is, and for rules that would be
 *   left out: a forbid that was only meant to be there permits
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
 * Reads the model of an application from a folder of its own: `model.json`, and its rules as those of a bundle.
 *
 * @throws CodedError `policy_invalid`
 */
export async function readApplicationFolder(path: string): Promise<ApplicationModel> {
  return readApplication(await modelIn(path, '', createReader(path)));
}

/** Whether a folder holds the model of an application, and no bundle. */
export async function isApplicationFolder(path: string): Promise<boolean> {
  const names: readonly string[] = await readdir(path).catch(() => []);
  return names.includes('model.json');
}

/** @param named the folder, where its name must be that of the model */
async function modelIn(path: string, below: string, read: Reader, named?: string): Promise<ApplicationModel> {
  const names = await namesIn(join(path, below), 'application', below);
  if (!names.includes('model.json'))
    throw policyErrors.error(
      'policy_invalid',
      `There is no ${below}model.json, which says what the model answers for.`,
    );
  const described = membersOf(await read.json(`${below}model.json`));
  if (described === undefined) throw policyErrors.error('policy_invalid', `${below}model.json holds no object.`);
  const own = ['schema', 'policies', 'entities', 'tests', 'authorizationDetails'].find((name) =>
    Object.hasOwn(described, name),
  );
  if (own !== undefined)
    throw policyErrors.error('policy_invalid', `${below}model.json holds ${own}, which is read from files of its own.`);
  if (named !== undefined && described['namespace'] !== named)
    throw policyErrors.error('policy_invalid', `${below}model.json is of another namespace than its folder.`);
  const rules = await rulesIn(path, below, names, read);
  const details = names.includes(detailTypesFile)
    ? { authorizationDetails: listIn(await read.json(`${below}${detailTypesFile}`), detailTypesFile) }
    : {};
  // Read by its schema with all of the bundle.
  return { ...described, ...rules, ...details } as unknown as ApplicationModel;
}

async function rulesIn(path: string, below: string, names: readonly string[], read: Reader) {
  if (!names.includes('schema.cedarschema'))
    throw policyErrors.error(
      'policy_invalid',
      `There is no ${below}schema.cedarschema in the folder: \`countersign policy export\` writes a whole bundle into an empty one.`,
    );
  const tests = names.includes('tests')
    ? (await namesIn(join(path, below, 'tests'), 'tests', `${below}tests/`)).filter((name) => name.endsWith('.json'))
    : [];
  // One after the other, so that what is too much is never held.
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

/** @param below where it is in the folder of the bundle */
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
  if (entry.isSymbolicLink()) return 'is a link: put there what it leads to, so that what is reviewed is what is read.';
  if (!known)
    return entry.isDirectory() || likeRules.test(name)
      ? 'would not be read: it is named as no part of a bundle is. Rename it, or move it elsewhere.'
      : undefined;
  if (kind === 'applications' || (kind !== 'tests' && folders.has(name)))
    return entry.isDirectory() ? undefined : `is no folder: ${name === 'tests' ? 'tests lie' : 'a model lies'} in one.`;
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
