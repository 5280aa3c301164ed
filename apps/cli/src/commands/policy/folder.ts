import { CodedError } from '@countersign/kernel';
import type { LoadedBundle } from '@countersign/server';
import { bold, dim, green, print, red, yellow } from '../../output.ts';
import type { Bundle, Side } from './compare-bundles.ts';
import type { TestsView } from './draw-bundle.ts';
import { visible } from './visible.ts';

/** Loaded on demand: it brings the whole server along, and most commands only talk to one. */
const server = () => import('@countersign/server');

/** Reads, validates and compiles the bundle of a folder; the shipped one when none is named. */
export async function loadFolder(folder: string | undefined): Promise<LoadedBundle> {
  const { loadBundle, readBundleFolder, shippedPolicies } = await server();
  return loadBundle(await readBundleFolder(folder ?? shippedPolicies));
}

export async function testFolder(loaded: LoadedBundle): Promise<TestsView> {
  return (await server()).runPolicyTests(loaded);
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
export function withProblems(error: unknown): never {
  const problems =
    error instanceof CodedError && error.code === 'policy_invalid' ? error.facts?.['problems'] : undefined;
  if (!(error instanceof CodedError) || !Array.isArray(problems)) throw error;
  for (const problem of problems as readonly Problem[]) {
    const { file, line, column, policyId, message } = problem;
    const place = file === undefined ? '' : line === undefined ? `${file}  ` : `${file}:${line}:${column ?? 1}  `;
    print(`${red('wrong')}  ${dim(place)}${policyId === undefined ? '' : `${bold(policyId)}  `}${visible(message)}`);
  }
  throw new CodedError({
    code: error.code,
    category: error.category,
    detail: `The bundle has ${problems.length} problem(s).`,
  });
}

interface Problem {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly policyId?: string;
  readonly message: string;
}
