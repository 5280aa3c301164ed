import {
  compileStepwise,
  createEntitySnapshot,
  type EntityInput,
  type ParsedPolicySet,
  type PolicyProblem,
  parsePolicySet,
} from '@countersign/cedar';
import { type ApplicationModel, type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import { type PolicyNotes, readNotes } from './annotations.ts';
import { detailTypesOf } from './detail-types.ts';
import { atOnce } from './in-turns.ts';
import { readLimits } from './limit-definitions.ts';
import { applicationOf, claimsOf, type LoadedBundle, rulesOf } from './loaded-bundle.ts';
import {
  applicationFolder,
  describeProblem,
  joinPolicies,
  type LocatedProblem,
  locate,
  misfitOf,
  placeOf,
  unwritableIn,
} from './located.ts';
import { hashOfBundle } from './parts.ts';

export { hashOfBundle, type LoadedBundle };

/**
 * Reads, validates and compiles a bundle. Takes a third of a second for the shipped one, and seconds for thousands of policies; a
 * process that serves requests uses `loadBundleAside`.
 * @throws CodedError `policy_invalid` with every problem
 */
export function loadBundle(bundle: PolicyBundle): LoadedBundle {
  const market = loadRules(bundle);
  const rules: LoadedBundle[] = [];
  for (const model of bundle.applications ?? []) {
    try {
      rules.push(loadRules(rulesOf(model)));
    } catch (error) {
      throw inModel(model, error);
    }
  }
  return withApplications(market, rules);
}

function loadRules(bundle: PolicyBundle): LoadedBundle {
  try {
    return atOnce(loading(bundle, parsePolicySet(joinPolicies(bundle), bundle.schema)));
  } catch (error) {
    throw inOurWords(bundle, error);
  }
}

/** @param rules of the models, in their order @throws CodedError `policy_invalid` */
export function withApplications(market: LoadedBundle, rules: readonly LoadedBundle[]): LoadedBundle {
  const models = market.bundle.applications ?? [];
  const problems: LocatedProblem[] = [];
  if (!models.every(({ namespace }, index) => index === 0 || namespace > (models[index - 1]?.namespace ?? '')))
    problems.push({ message: 'the application models are not sorted by namespace' });
  const applications = rules.map((loaded, index) => {
    const model = models[index];
    if (model === undefined) throw new Error('there are more rules than application models');
    const made = applicationOf(model, loaded);
    problems.push(...made.problems);
    return made.application;
  });
  const { claims, problems: clashes } = claimsOf(market, applications);
  const { detailTypes, problems: undeclarable } = detailTypesOf(applications.map(({ model }) => model));
  problems.push(...clashes, ...undeclarable);
  if (problems.length > 0) throw refused(problems);
  return {
    ...market,
    applications: new Map(applications.map((application) => [application.model.namespace, application])),
    claims,
    detailTypes,
  };
}

/** Problems with the rules of a model, with their place in the folder of the bundle. */
export function inModel(model: ApplicationModel, error: unknown): unknown {
  const problems = policyErrors.is(error, 'policy_invalid') ? error.facts?.['problems'] : undefined;
  if (!Array.isArray(problems)) return error;
  const folder = applicationFolder(model);
  return refused(
    // The facts of `policy_invalid`.
    (problems as readonly LocatedProblem[]).map((problem) => ({
      ...problem,
      file: `${folder}${problem.file ?? 'model.json'}`,
    })),
    error,
  );
}

/** The steps after Cedar has read the policies. @throws CodedError (the generator) `policy_invalid`, or as `compile` of Cedar */
export function* loading(bundle: PolicyBundle, parsed: ParsedPolicySet): Generator<void, LoadedBundle> {
  const problems: LocatedProblem[] = [...unwritableIn(bundle)];
  for (const [folder, files] of [
    ['', bundle.policies],
    ['tests/', bundle.tests],
  ] as const) {
    if (!inOrder(files)) problems.push({ message: `the files of ${folder}* are not sorted by name` });
    for (const [one, other] of alikeNames(files))
      problems.push({
        file: `${folder}${other}`,
        message: `its name differs from ${one} only in case, and many disks can hold only one of them. Rename one`,
      });
  }
  const notes = new Map<string, PolicyNotes>();
  const warnings: PolicyProblem[] = [...parsed.warnings];
  for (const policy of parsed.policies) {
    const read = readNotes(policy);
    notes.set(policy.id, read.notes);
    for (const message of read.warnings) warnings.push({ source: 'policies', policyId: policy.id, message });
    for (const message of read.problems)
      problems.push({ ...placeOf(policy.text, bundle), policyId: policy.id, message });
    yield;
  }
  // The schema checks their form, Cedar their content.
  const entities = bundle.entities as unknown as readonly EntityInput[];
  try {
    createEntitySnapshot(entities);
    for (const entity of entities) {
      const misfit = misfitOf(parsed.schema, entity);
      if (misfit !== undefined) problems.push({ file: 'entities.json', message: misfit });
      yield;
    }
  } catch (error) {
    if (!isCodedError(error)) throw error;
    problems.push({ file: 'entities.json', message: error.detail });
  }
  const limits = readLimits(bundle);
  problems.push(...limits.problems.map((message) => ({ file: 'limits.json', message })));
  if (problems.length > 0) throw refused(problems);
  yield;
  return {
    bundle,
    hash: hashOfBundle(bundle),
    parsed: { ...parsed, warnings },
    compiled: yield* compileStepwise(parsed),
    entities,
    limits: limits.definitions,
    notes(policyId) {
      const found = notes.get(policyId);
      if (found === undefined) throw new Error(`the bundle has no policy ${policyId}`);
      return found;
    },
    applications: new Map(),
    claims: new Map(),
    detailTypes: new Map(),
  };
}

/** Cedar's problems with file and line; any other error unchanged. */
export function inOurWords(bundle: PolicyBundle, error: unknown): unknown {
  if (!isCodedError(error) || error.category === 'unavailable' || error.code === 'policy_invalid') return error;
  const { problems } = error.facts ?? {};
  if (!Array.isArray(problems)) return refused([{ message: error.detail }], error);
  return refused(
    problems.map((problem: PolicyProblem) => locate(problem, bundle)),
    error,
  );
}

function refused(problems: readonly LocatedProblem[], cause?: unknown): CodedError {
  const [first] = problems;
  return policyErrors.error(
    'policy_invalid',
    `The bundle has ${problems.length} problem(s). The first: ${first === undefined ? 'unknown' : describeProblem(first)}.`,
    { facts: { problems }, ...(cause === undefined ? {} : { cause }) },
  );
}

interface Named {
  readonly file: string;
}

/** Whether files are sorted by name without duplicates, which the hash of a bundle relies on. */
export function inOrder(files: readonly Named[]): boolean {
  return files.every(({ file }, index) => index === 0 || file > (files[index - 1]?.file ?? ''));
}

/** Names that differ only in case. On a case-insensitive disk one file would replace the other. */
function alikeNames(files: readonly Named[]): readonly (readonly [string, string])[] {
  const first = new Map<string, string>();
  return files.flatMap(({ file }) => {
    const known = first.get(file.toLowerCase());
    if (known === undefined) first.set(file.toLowerCase(), file);
    return known === undefined || known === file ? [] : [[known, file] as const];
  });
}
