import { statSync } from 'node:fs';
import { CodedError, isCodedError } from '@countersign/kernel';
import type { LoadedBundle, PolicyFinding } from '@countersign/server';
import { bold, dim, green, print, printJson, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';
import type { Bundle, Model, Side } from './compare-bundles.ts';
import type { TestsView } from './draw-bundle.ts';

/** Loaded on demand: it imports the whole server, and most commands are only clients. */
const server = () => import('@countersign/server');

/** Reads, validates and compiles the bundle of a folder. Default: the shipped bundle. */
export async function loadFolder(folder: string | undefined): Promise<LoadedBundle> {
  const bundle = await readFolderBundle(folder);
  return (await server()).loadBundle(bundle);
}

/**
 * Reads the bundle of a folder. Default: the shipped bundle.
 *
 * @throws CodedError `folder_not_found`; `policy_invalid`
 */
export async function readFolderBundle(folder: string | undefined): Promise<Bundle> {
  const { readBundleFolder, shippedPolicies } = await server();
  if (folder === undefined) return readBundleFolder(shippedPolicies);
  requireFolder(folder);
  return readBundleFolder(folder);
}

function requireFolder(folder: string): void {
  if (isFolder(folder)) return;
  throw new CodedError({
    code: 'folder_not_found',
    category: 'not-found',
    detail: `${folder} is no folder. \`countersign policy export <folder>\` makes one of the policies that are active.`,
  });
}

/** The content of a folder: the rules of the market, or the model of one application. */
export type FolderContent =
  | { readonly kind: 'market'; readonly bundle: Bundle }
  | { readonly kind: 'application'; readonly model: Model };

export interface LoadedFolder {
  readonly content: FolderContent;
  /** Only the rules of the folder. Those of a model are in its own namespace. */
  readonly loaded: LoadedBundle;
}

/** @throws CodedError `folder_not_found`; `policy_invalid` */
export async function readFolderContent(folder: string | undefined): Promise<FolderContent> {
  const { isApplicationFolder, readApplicationFolder } = await server();
  if (folder !== undefined) requireFolder(folder);
  return folder !== undefined && (await isApplicationFolder(folder))
    ? { kind: 'application', model: await readApplicationFolder(folder) }
    : { kind: 'market', bundle: await readFolderBundle(folder) };
}

/**
 * Reads a folder and rejects content that could not be published: rules outside the market that are not a model, and a model
 * that claims names of the market. The control plane checks conflicts with its own models.
 *
 * @throws CodedError `folder_not_found`; `policy_invalid`
 */
export async function loadPolicyFolder(folder: string | undefined): Promise<LoadedFolder> {
  const { foreignFault, loadBundle } = await server();
  const content = await readFolderContent(folder);
  if (content.kind === 'market') {
    const loaded = loadBundle(content.bundle);
    const foreign = foreignFault(loaded);
    if (foreign !== undefined) throw foreign;
    return { content, loaded };
  }
  const { model } = content;
  const whole = loadBundle({ ...(await readFolderBundle(undefined)), applications: [model] });
  const application = whole.applications.get(model.namespace);
  if (application === undefined) throw new Error('a model was loaded and is not there');
  return { content, loaded: { ...application.loaded, entities: application.entities } };
}

/**
 * The bundle that would be in force: the folder's rules with the active models, or a model added to everything active. A market
 * folder with its own models replaces all of them.
 */
export function inForceWith(content: FolderContent, active: Bundle): Bundle {
  if (content.kind === 'market') {
    const { applications = active.applications } = content.bundle;
    return { ...content.bundle, ...(applications === undefined ? {} : { applications }) };
  }
  return withModels(active, [
    ...(active.applications ?? []).filter(({ namespace }) => namespace !== content.model.namespace),
    content.model,
  ]);
}

export function withModels({ applications: _others, ...rules }: Bundle, models: readonly Model[]): Bundle {
  const applications = [...models].sort((one, other) => (one.namespace < other.namespace ? -1 : 1));
  return applications.length === 0 ? rules : { ...rules, applications };
}

/** True if access is denied, because the later read reports the reason. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    return !(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'));
  }
}

export async function testFolder(loaded: LoadedBundle): Promise<TestsView> {
  return (await server()).runPolicyTests(loaded);
}

/** Static findings about the policies: unreachable rules, superfluous ones, and permits without authority. */
export async function analyseFolder({ content, loaded }: LoadedFolder): Promise<readonly PolicyFinding[]> {
  // The missing-authority findings concern roles, mandates and scopes, on which only permits of the market depend.
  return content.kind === 'market' ? (await server()).analysePolicies(loaded) : [];
}

/** Prints each finding with its place. @returns whether one of them is an error */
export function printFindings(findings: readonly PolicyFinding[]): boolean {
  for (const { code, severity, file, line, column, policyId, message } of findings)
    print(
      `${severity === 'error' ? red('wrong') : yellow('odd')}  ${dim(`${file}:${line}:${column}`)}  ${bold(policyId)}  ${code}  ${visible(message)}`,
    );
  return findings.some(({ severity }) => severity === 'error');
}

export function sideOf({ bundle, parsed }: LoadedBundle): Side {
  return { bundle, policies: parsed.policies };
}

/** @throws CodedError `policy_invalid` */
export async function loadWhole(bundle: Bundle): Promise<LoadedBundle> {
  return (await server()).loadBundle(bundle);
}

/** A bundle from a control plane, with its individual policies. */
export async function sideOfBundle(bundle: Bundle): Promise<Side> {
  return sideOf((await server()).loadBundle(bundle));
}

/** Describes the folder as it would be published. */
export function printLoaded({ content, loaded }: LoadedFolder): void {
  const { parsed, hash, limits, bundle, applications } = loaded;
  if (content.kind === 'application') {
    const { namespace, types, clients } = content.model;
    print(
      `${green('ok')}  the model of the application ${bold(namespace)}: ${parsed.policies.length} policies, ${bundle.entities.length} entities  ${dim(hash)}`,
    );
    print(`    answers for ${Object.keys(types).join(', ')}`);
    print(`    asked by ${namesOf(clients.ask)}; entities written by ${namesOf(clients.write)}`);
  } else {
    const models = applications.size === 0 ? '' : `, models of ${[...applications.keys()].join(', ')}`;
    print(
      `${green('ok')}  the market: ${parsed.policies.length} policies, ${limits.length} limits, ${bundle.entities.length} entities of reference data${models}  ${dim(hash)}`,
    );
  }
  for (const { policyId, message } of parsed.warnings)
    print(`${yellow('odd')}  ${policyId === undefined ? '' : `${bold(policyId)}  `}${visible(message)}`);
}

const namesOf = (clients: readonly string[]): string => (clients.length === 0 ? 'nobody' : clients.join(', '));

/** Prints every problem of a rejected bundle with its place, and leaves the rest to the failure report. */
export function withProblems(error: unknown, printLine: (line: string) => void = print): never {
  const problems = problemsOf(error);
  if (problems === undefined) throw error;
  for (const problem of problems) {
    const { file, line, column, policyId, message } = problem;
    const place = file === undefined ? '' : line === undefined ? `${file}  ` : `${file}:${line}:${column ?? 1}  `;
    printLine(
      `${red('wrong')}  ${dim(place)}${policyId === undefined ? '' : `${bold(policyId)}  `}${visible(message)}`,
    );
  }
  throw withoutProblems(error, problems);
}

/** Like {@link withProblems}, for a build: prints all problems as one document on stdout. */
export function withProblemsAsJson(error: unknown): never {
  // An error that prevents reading the bundle is reported as its only problem.
  const problems =
    problemsOf(error) ?? (isCodedError(error, 'policy_invalid') ? [{ message: error.detail }] : undefined);
  if (problems === undefined) throw error;
  printJson({ ok: false, problems });
  throw withoutProblems(error, problems);
}

function problemsOf(error: unknown): readonly Problem[] | undefined {
  const problems = isCodedError(error, 'policy_invalid') ? error.facts?.['problems'] : undefined;
  // The loader of bundles made them.
  return Array.isArray(problems) ? (problems as readonly Problem[]) : undefined;
}

/** The problems have already been printed. */
function withoutProblems(cause: unknown, problems: readonly Problem[]): CodedError {
  return new CodedError({
    code: 'policy_invalid',
    category: 'invalid',
    detail: `The bundle has ${problems.length} problem(s).`,
    cause,
  });
}

interface Problem {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly policyId?: string;
  readonly message: string;
}
