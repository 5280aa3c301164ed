import { statSync } from 'node:fs';
import { CodedError, isCodedError } from '@countersign/kernel';
import type { LoadedBundle, PolicyFinding } from '@countersign/server';
import { bold, dim, green, print, printJson, red, yellow } from '../../output.ts';
import type { Bundle, Side } from './compare-bundles.ts';
import type { TestsView } from './draw-bundle.ts';
import { visible } from './visible.ts';

/** Loaded on demand: it brings the whole server along, and most commands only talk to one. */
const server = () => import('@countersign/server');

/** Reads, validates and compiles the bundle of a folder; the shipped one when none is named. */
export async function loadFolder(folder: string | undefined): Promise<LoadedBundle> {
  const bundle = await readFolderBundle(folder);
  return (await server()).loadBundle(bundle);
}

/**
 * Reads the bundle of a folder; the shipped one when none is named.
 *
 * @throws CodedError `folder_not_found`; `policy_invalid`
 */
export async function readFolderBundle(folder: string | undefined): Promise<Bundle> {
  const { readBundleFolder, shippedPolicies } = await server();
  if (folder === undefined) return readBundleFolder(shippedPolicies);
  if (!isFolder(folder))
    throw new CodedError({
      code: 'folder_not_found',
      category: 'not-found',
      detail: `${folder} is no folder. \`countersign policy export <folder>\` makes one of the policies that are active.`,
    });
  return readBundleFolder(folder);
}

/** Of what may not be looked at, yes: whoever reads it says why it cannot be read. */
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

/** What reading the policies alone finds: rules that can never apply, superfluous ones, permits on nobody's authority. */
export async function analyseFolder(loaded: LoadedBundle): Promise<readonly PolicyFinding[]> {
  return (await server()).analysePolicies(loaded);
}

/** Prints each finding with its place. @returns whether one of them is never meant */
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

/** A bundle that a control plane sent, with its policies one by one. */
export async function sideOfBundle(bundle: Bundle): Promise<Side> {
  return sideOf((await server()).loadBundle(bundle));
}

export function printLoaded({ parsed, hash, limits, bundle }: LoadedBundle): void {
  print(
    `${green('ok')}  ${parsed.policies.length} policies, ${limits.length} limits, ${bundle.entities.length} entities of reference data  ${dim(hash)}`,
  );
  for (const { policyId, message } of parsed.warnings)
    print(`${yellow('odd')}  ${policyId === undefined ? '' : `${bold(policyId)}  `}${visible(message)}`);
}

/** Prints every problem of a refused bundle with its place, and leaves the rest to whoever reports failures. */
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

/** As {@link withProblems}, for a build: every problem of a refused bundle in one document on stdout. */
export function withProblemsAsJson(error: unknown): never {
  // What keeps a bundle from being read at all is a problem as well, and the only one.
  const problems =
    problemsOf(error) ?? (isCodedError(error, 'policy_invalid') ? [{ message: error.detail }] : undefined);
  if (problems === undefined) throw error;
  printJson({ ok: false, problems });
  throw withoutProblems(error, problems);
}

function problemsOf(error: unknown): readonly Problem[] | undefined {
  const problems = isCodedError(error, 'policy_invalid') ? error.facts?.['problems'] : undefined;
  return Array.isArray(problems) ? (problems as readonly Problem[]) : undefined;
}

/** They have been told. */
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
