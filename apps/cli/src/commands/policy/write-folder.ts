import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CodedError } from '@countersign/kernel';
import type { Bundle, Model } from './compare-bundles.ts';

const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$/;

/**
 * Writes a bundle as a folder that `readBundleFolder` can read. A rejected folder stays unchanged.
 *
 * @throws CodedError `folder_not_empty`; `folder_unwritable` with the reason; `policy_invalid` for a bundle with invalid file
 * names
 */
export function writeBundleFolder(folder: string, bundle: Bundle): void {
  const { limits, rates, applications = [] } = bundle;
  const files: readonly (readonly [string, string])[] = [
    ...filesOf('', bundle),
    ['limits.json', json({ limits, rates })],
    ...applications.flatMap(modelFiles),
  ];
  try {
    requireEmpty(folder);
    makeFolder(resolve(folder, 'tests'));
    for (const { namespace } of applications) makeFolder(resolve(folder, 'applications', named(namespace), 'tests'));
    for (const [name, text] of files) writeFileSync(join(folder, name), text, { flag: 'wx' });
  } catch (cause) {
    throw inWords(folder, cause);
  }
}

type Rules = Pick<Bundle, 'schema' | 'policies' | 'entities' | 'tests'>;

function filesOf(below: string, { schema, policies, entities, tests }: Rules): readonly (readonly [string, string])[] {
  return [
    [join(below, 'schema.cedarschema'), schema],
    ...policies.map(({ file, text }) => [join(below, named(file)), text] as const),
    [join(below, 'entities.json'), json(entities)],
    ...tests.map(({ file, content }) => [join(below, 'tests', named(file)), json(content)] as const),
  ];
}

function modelFiles(model: Model): readonly (readonly [string, string])[] {
  const { schema, policies, entities, tests, authorizationDetails, ...described } = model;
  const below = join('applications', named(described.namespace));
  return [
    [join(below, 'model.json'), json(described)],
    ...(authorizationDetails === undefined
      ? []
      : [[join(below, 'authorization-details.json'), json(authorizationDetails)] as const]),
    ...filesOf(below, { schema, policies, entities, tests }),
  ];
}

/**
 * Creates a folder and its missing parents, one level at a time: Node's `recursive` loops for ever where a folder exists but
 * cannot be written, as in `/proc`.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const above = dirname(folder);
  if (above !== folder) makeFolder(above);
  mkdirSync(folder);
}

/** An empty `tests` folder from an interrupted export counts as empty. */
function requireEmpty(folder: string): void {
  const held = namesIn(folder);
  if (held.length === 0) return;
  if (held.length === 1 && held[0] === 'tests' && namesIn(join(folder, 'tests')).length === 0) return;
  throw new CodedError({
    code: 'folder_not_empty',
    category: 'conflict',
    detail: `${folder} is not empty. Choose an empty or a new folder.`,
  });
}

/** Empty for a missing folder. */
function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function inWords(folder: string, cause: unknown): unknown {
  if (!(cause instanceof Error && 'code' in cause && 'syscall' in cause)) return cause;
  return new CodedError({
    code: 'folder_unwritable',
    category: 'invalid',
    detail: `${folder} cannot be written (${String(cause.code)}). Name an empty folder or a new one where you may write.`,
    cause,
  });
}

/** A control plane may only name files inside this folder. */
function named(file: string): string {
  if (fileName.test(file)) return file;
  throw new CodedError({
    code: 'policy_invalid',
    category: 'invalid',
    detail: 'The bundle holds a file whose name no file of a bundle can have.',
  });
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
