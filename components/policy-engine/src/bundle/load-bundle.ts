import {
  type CompiledPolicySet,
  compile,
  createEntitySnapshot,
  type EntityInput,
  type ParsedPolicySet,
  type PolicyProblem,
  parsePolicySet,
} from '@countersign/cedar';
import { type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type CodedError, type Digest, isCodedError } from '@countersign/kernel';
import { type PolicyNotes, readNotes } from './annotations.ts';
import { type LimitDefinition, readLimits } from './limit-definitions.ts';
import { describeProblem, joinPolicies, type LocatedProblem, locate } from './located.ts';
import { misfitOf } from './misfit.ts';
import { hashOfBundle } from './parts.ts';
import { inOrder } from './read-bundle.ts';
import { unwritableIn } from './unwritable.ts';

export { hashOfBundle };

/** A bundle that may decide: parsed, validated against its schema, compiled. Immutable. */
export interface LoadedBundle {
  readonly bundle: PolicyBundle;
  /** Over everything that decides: the same rules have the same hash wherever they are read from. */
  readonly hash: Digest;
  readonly parsed: ParsedPolicySet;
  readonly compiled: CompiledPolicySet;
  /** Reference data, in Cedar's JSON form; checked. */
  readonly entities: readonly EntityInput[];
  readonly limits: readonly LimitDefinition[];
  /** What a policy of this bundle says about itself. */
  notes(policyId: string): PolicyNotes;
}

/**
 * Reads, validates and compiles a bundle.
 *
 * @throws CodedError `policy_invalid` naming every problem; a bundle with one fault is refused whole
 */
export function loadBundle(bundle: PolicyBundle): LoadedBundle {
  const parsed = orRefuse(bundle, () => parsePolicySet(joinPolicies(bundle), bundle.schema));
  const problems: LocatedProblem[] = [...unwritableIn(bundle)];
  for (const [folder, files] of [
    ['', bundle.policies],
    ['tests/', bundle.tests],
  ] as const)
    if (!inOrder(files)) problems.push({ message: `the files of ${folder}* are not in the order of their names` });
  const notes = new Map<string, PolicyNotes>();
  for (const policy of parsed.policies) {
    const read = readNotes(policy);
    notes.set(policy.id, read.notes);
    for (const message of read.problems) problems.push({ policyId: policy.id, message });
  }
  const entities = bundle.entities as unknown as readonly EntityInput[];
  try {
    createEntitySnapshot(entities);
    for (const entity of entities) {
      const misfit = misfitOf(parsed.schema, entity);
      if (misfit !== undefined) problems.push({ file: 'entities.json', message: misfit });
    }
  } catch (error) {
    if (!isCodedError(error)) throw error;
    problems.push({ file: 'entities.json', message: error.detail });
  }
  const limits = readLimits(bundle);
  problems.push(...limits.problems.map((message) => ({ file: 'limits.json', message })));
  if (problems.length > 0) throw refused(problems);
  return {
    bundle,
    hash: hashOfBundle(bundle),
    parsed,
    compiled: orRefuse(bundle, () => compile(parsed)),
    entities,
    limits: limits.definitions,
    notes(policyId) {
      const found = notes.get(policyId);
      if (found === undefined) throw new Error('a policy decided that is not of the bundle');
      return found;
    },
  };
}

/** What Cedar refuses, in our words: with the file and the line of each problem. */
function orRefuse<Result>(bundle: PolicyBundle, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!isCodedError(error) || error.category === 'unavailable') throw error;
    const { problems } = error.facts ?? {};
    if (!Array.isArray(problems)) throw refused([{ message: error.detail }], error);
    throw refused(
      problems.map((problem: PolicyProblem) => locate(problem, bundle)),
      error,
    );
  }
}

function refused(problems: readonly LocatedProblem[], cause?: unknown): CodedError {
  const [first] = problems;
  return policyErrors.error(
    'policy_invalid',
    `The bundle has ${problems.length} problem(s). The first: ${first === undefined ? 'unknown' : describeProblem(first)}.`,
    { facts: { problems }, ...(cause === undefined ? {} : { cause }) },
  );
}
