import { policyToText } from '@cedar-policy/cedar-wasm/nodejs';
import { type CompiledPolicySet, compile, parsePolicySet } from '@countersign/cedar';
import { isCodedError, type Json } from '@countersign/kernel';
import type { LoadedBundle } from '../../../../components/policy-engine/src/bundle/load-bundle.ts';
import { evaluateCompiled } from '../../../../components/policy-engine/src/decision/judge.ts';
import type { Question } from '../../../../components/policy-engine/src/decision/question.ts';
import { authorityMatrix, type MatrixRow } from '../../../../components/policy-engine/src/matrix/matrix.ts';
import { createQuestions } from '../../../../components/policy-engine/src/matrix/question.ts';
import { controlRules } from '../../../../components/policy-engine/src/matrix/rules.ts';
import { runPolicyTests } from '../../../../components/policy-engine/src/policy-tests/run-tests.ts';
import { type Mutant, mutantsOf } from './mutants.ts';

export interface MutationReport {
  readonly mutants: number;
  /** Ids of mutants that neither the matrix nor a policy test detects. */
  readonly survivors: readonly string[];
}

/**
 * Changes one element of one policy at a time, and checks whether the control rules or else the tests of the bundle detect
 * it.
 */
export function mutate(bundle: LoadedBundle): MutationReport {
  const witnesses = witnessesIn(bundle);
  const noticed = (mutant: Mutant) =>
    noticedByMatrix(bundle, mutant, witnesses) || noticedByTests(bundle, mutant) || refusedByValidation(bundle, mutant);
  const mutants = bundle.parsed.policies.flatMap(allMutantsOf);
  return { mutants: mutants.length, survivors: mutants.filter((each) => !noticed(each)).map(({ id }) => id) };
}

function allMutantsOf(policy: LoadedBundle['parsed']['policies'][number]): readonly Mutant[] {
  // A removed policy: one that never applies.
  const lost = { ...policy.json, conditions: [{ kind: 'when', body: { Value: false } }] } as Mutant['json'];
  return [{ id: `${policy.id}: drop policy`, policyId: policy.id, json: lost }, ...mutantsOf(policy)];
}

/** A policy that reads a possibly missing attribute cannot be published. */
function refusedByValidation({ parsed }: LoadedBundle, { json }: Mutant): boolean {
  const written = policyToText(json);
  if (written.type === 'failure') return true;
  try {
    parsePolicySet(written.text, parsed.schema.text);
    return false;
  } catch (error) {
    if (isCodedError(error, 'policy_set_refused')) return true;
    throw error;
  }
}

interface Witness {
  readonly question: Question;
  readonly permitted: boolean;
}

/** Situations of the matrix whose result a control rule prescribes, by the one policy that decides it. */
interface Witnesses {
  readonly byPolicy: ReadonlyMap<string, readonly Witness[]>;
  /** Situations that must stay permitted, whichever policy permits them. */
  readonly permitted: readonly Witness[];
  /** Situations that no policy permits, and none may. */
  readonly unpermitted: readonly Witness[];
}

function witnessesIn(bundle: LoadedBundle): Witnesses {
  const put = createQuestions();
  const byPolicy = new Map<string, Witness[]>();
  const [permitted, unpermitted]: [Witness[], Witness[]] = [[], []];
  for (const row of authorityMatrix(bundle)) {
    const into = listFor(row, { byPolicy, permitted, unpermitted });
    if (into === undefined || into.length >= 1_500) continue;
    const wanted = row.permitted ? 'permitted' : 'refused';
    if (!controlRules.some((rule) => rule.expects === wanted && rule.applies(row))) continue;
    const { posed, refusal } = put(row, bundle);
    if (refusal === undefined && posed.evaluable) into.push({ question: posed, permitted: row.permitted });
  }
  return { byPolicy, permitted, unpermitted };
}

function listFor(
  { permitted, determining }: MatrixRow,
  lists: { byPolicy: Map<string, Witness[]>; permitted: Witness[]; unpermitted: Witness[] },
): Witness[] | undefined {
  const [only] = determining;
  if (only === undefined) return permitted ? undefined : lists.unpermitted;
  if (determining.length > 1) return permitted ? lists.permitted : undefined;
  const known = lists.byPolicy.get(only) ?? [];
  lists.byPolicy.set(only, known);
  // Some situations that only one policy permits are kept with the others.
  return permitted && known.length >= 300 ? lists.permitted : known;
}

function noticedByMatrix(
  bundle: LoadedBundle,
  mutant: Mutant,
  { byPolicy, permitted, unpermitted }: Witnesses,
): boolean {
  const policy = bundle.parsed.policies.find(({ id }) => id === mutant.policyId);
  const permits = compiledWith(bundle, mutant, ({ effect, id }) => effect === 'permit' || id === mutant.policyId);
  const differs = ({ question, permitted: was }: Witness) =>
    (evaluateCompiled({ ...bundle, compiled: permits }, question).decision === 'allow') !== was;
  if (byPolicy.get(mutant.policyId)?.some(differs) === true) return true;
  if (policy?.effect === 'permit') return unpermitted.some(differs);
  return permitted.some(differs) || allPermits(byPolicy).some(differs);
}

function allPermits(byPolicy: Witnesses['byPolicy']): readonly Witness[] {
  return [...byPolicy.values()].flatMap((each) => each.filter(({ permitted }) => permitted).slice(0, 150));
}

function compiledWith(
  { parsed }: LoadedBundle,
  mutant: Mutant,
  keeps: (policy: LoadedBundle['parsed']['policies'][number]) => boolean,
): CompiledPolicySet {
  const policies = parsed.policies
    .filter(keeps)
    .map((policy) => (policy.id === mutant.policyId ? { ...policy, json: mutant.json } : policy));
  return compile({ ...parsed, policies });
}

type JsonTest = {
  readonly expect: {
    readonly decision: string;
    readonly reasons?: readonly string[];
    readonly determining?: readonly string[];
  };
};

/** Tests that name its reason first, then those that expect a permit. */
function noticedByTests(bundle: LoadedBundle, mutant: Mutant): boolean {
  const { reason } = bundle.notes(mutant.policyId);
  const changed = { ...bundle, compiled: compiledWith(bundle, mutant, () => true) };
  const fails = (wanted: (test: JsonTest) => boolean): boolean => {
    const tests = bundle.bundle.tests.flatMap(({ file, content }) => {
      const whole = content as unknown as { readonly tests: readonly JsonTest[] };
      const kept = whole.tests.filter(wanted);
      return kept.length === 0 ? [] : [{ file, content: { ...whole, tests: kept } as unknown as Json }];
    });
    return runPolicyTests({ ...changed, bundle: { ...bundle.bundle, tests } }).failed > 0;
  };
  return (
    fails(
      ({ expect }) =>
        expect.reasons?.includes(reason) === true || expect.determining?.includes(mutant.policyId) === true,
    ) ||
    fails(({ expect }) => expect.decision === 'permit') ||
    fails(({ expect }) => expect.decision === 'deny')
  );
}
