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
import { type Digest, digestOf, isCodedError } from '@countersign/kernel';
import { type PolicyNotes, readNotes } from './annotations.ts';
import { type LimitDefinition, readLimits } from './limit-definitions.ts';

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

/** Over schema, policies, reference data, limits and rates; tests say nothing about what is decided. */
export function hashOfBundle({ schema, policies, entities, limits, rates }: PolicyBundle): Digest {
  return digestOf({ v: 1, schema, policies, entities, limits, rates });
}

/**
 * Reads, validates and compiles a bundle.
 *
 * @throws CodedError `policy_invalid` naming every problem; a bundle with one fault is refused whole
 */
export function loadBundle(bundle: PolicyBundle): LoadedBundle {
  const parsed = parse(bundle);
  const problems: PolicyProblem[] = [];
  const notes = new Map<string, PolicyNotes>();
  for (const policy of parsed.policies) {
    const read = readNotes(policy);
    notes.set(policy.id, read.notes);
    for (const message of read.problems) problems.push({ source: 'policies', policyId: policy.id, message });
  }
  const entities = bundle.entities as unknown as readonly EntityInput[];
  try {
    createEntitySnapshot(entities);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    problems.push({ source: 'policies', message: `entities.json: ${error.detail}` });
  }
  const limits = readLimits(bundle);
  problems.push(...limits.problems.map((message) => ({ source: 'policies' as const, message })));
  const [first] = problems;
  if (first !== undefined)
    throw policyErrors.error(
      'policy_invalid',
      `The bundle has ${problems.length} problem(s), the first: ${first.policyId === undefined ? '' : `${first.policyId}: `}${first.message}.`,
      { facts: { problems } },
    );
  return {
    bundle,
    hash: hashOfBundle(bundle),
    parsed,
    compiled: compileOrRefuse(parsed),
    entities,
    limits: limits.definitions,
    notes(policyId) {
      const found = notes.get(policyId);
      if (found === undefined) throw new Error('a policy decided that is not of the bundle');
      return found;
    },
  };
}

function parse({ policies, schema }: PolicyBundle): ParsedPolicySet {
  return coded(() => parsePolicySet(policies.map(({ text }) => text).join('\n'), schema));
}

function compileOrRefuse(parsed: ParsedPolicySet): CompiledPolicySet {
  return coded(() => compile(parsed));
}

function coded<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw policyErrors.error('policy_invalid', error.detail, {
      ...(error.facts === undefined ? {} : { facts: error.facts }),
      cause: error,
    });
  }
}
