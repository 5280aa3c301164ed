import { checkRequest, createEntitySnapshot, type EntityInput, type EntitySnapshot } from '@countersign/cedar';
import { obligationJson, type PolicyTestReport } from '@countersign/contracts';
import { canonicalize, isCodedError, type Json } from '@countersign/kernel';
import { applicationFolder } from '../bundle/application.ts';
import { atOnce, inTurns } from '../bundle/in-turns.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { misfitOf } from '../bundle/misfit.ts';
import { judge, type Verdict } from '../decision/judge.ts';
import type { Question } from '../decision/question.ts';
import { type Expectation, jsonMembers, type PolicyTest, readTestFile, readUid, type TestFile } from './test-file.ts';

type TestOutcome = PolicyTestReport['tests'][number];

/** Puts every question of a bundle's tests to its policies. */
export function runPolicyTests(loaded: LoadedBundle): PolicyTestReport {
  return atOnce(running(loaded));
}

/** As {@link runPolicyTests}, letting other work through in between. */
export async function runPolicyTestsInTurns(loaded: LoadedBundle): Promise<PolicyTestReport> {
  return inTurns(running(loaded));
}

function* running(loaded: LoadedBundle): Generator<void, PolicyTestReport> {
  const reports: PolicyTestReport[] = [yield* runningRules(loaded)];
  for (const { model, loaded: rules, entities } of loaded.applications.values()) {
    const { tests, untested, ...counts } = yield* runningRules({ ...rules, entities });
    reports.push({
      ...counts,
      tests: tests.map((test) => ({ ...test, file: `${applicationFolder(model)}${test.file}` })),
      untested: untested.map((id) => `${model.namespace}::${id}`),
    });
  }
  const tests = reports.flatMap((report) => report.tests);
  return {
    passed: reports.reduce((sum, { passed }) => sum + passed, 0),
    failed: reports.reduce((sum, { failed }) => sum + failed, 0),
    tests: [...tests.filter(({ ok }) => !ok), ...tests.filter(({ ok }) => ok)],
    untested: reports.flatMap(({ untested }) => untested),
  };
}

function* runningRules(loaded: LoadedBundle): Generator<void, PolicyTestReport> {
  const report = startReport(loaded);
  for (const outcome of outcomesOf(loaded, report.determined)) {
    report.add(outcome);
    yield;
  }
  return report.finish();
}

function startReport(loaded: LoadedBundle) {
  const untested = new Set(loaded.parsed.policies.map(({ id }) => id));
  const [failing, passing]: [TestOutcome[], TestOutcome[]] = [[], []];
  return {
    determined: (id: string): void => void untested.delete(id),
    add: (outcome: TestOutcome): void => void (outcome.ok ? passing : failing).push(outcome),
    finish: (): PolicyTestReport => ({
      passed: passing.length,
      failed: failing.length,
      tests: [...failing, ...passing],
      untested: [...untested].sort(),
    }),
  };
}

/** One after the other, so that whoever runs them may pause in between. */
function* outcomesOf(loaded: LoadedBundle, determined: (id: string) => void): Generator<TestOutcome> {
  for (const { file, content } of loaded.bundle.tests) {
    const read = readTestFile(content);
    if ('problem' in read) {
      yield failed(file, 'the file itself', `It cannot be read: ${read.problem}.`);
      continue;
    }
    const shared = sharedBy(loaded, read);
    if ('problem' in shared) {
      yield failed(file, 'the entities of the file', shared.problem);
      continue;
    }
    for (const test of read.tests) {
      const question = questionOf(test, read, shared.snapshot);
      if ('problem' in question) {
        yield failed(file, test.name, question.problem);
        continue;
      }
      const problems = questionProblems(loaded, question);
      const misfit = problems.find(({ says }) => says === 'misfit');
      if (misfit !== undefined) {
        yield failed(file, test.name, misfit.message);
        continue;
      }
      const verdict = judge(loaded, question);
      for (const id of verdict.determining) determined(id);
      const differences = [
        ...differencesOf(test.expect, verdict),
        ...unspokenOf(test.expect, verdict, problems[0]?.message),
      ];
      yield { file, name: test.name, ok: differences.length === 0, differences };
    }
  }
}

function failed(file: string, name: string, difference: string): TestOutcome {
  return { file, name, ok: false, differences: [difference] };
}

function sharedBy(
  { entities, parsed }: LoadedBundle,
  file: TestFile,
): { readonly snapshot: EntitySnapshot } | { readonly problem: string } {
  try {
    for (const entity of file.entities) {
      const problem = misfitOf(parsed.schema, entity);
      if (problem !== undefined) return { problem };
    }
    return { snapshot: createEntitySnapshot([...entities, ...file.entities]) };
  } catch (error) {
    if (isCodedError(error)) return { problem: error.detail };
    throw error;
  }
}

function questionOf(test: PolicyTest, file: TestFile, shared: EntitySnapshot): Question | { readonly problem: string } {
  const principal = readUid(test.principal);
  if (principal === undefined) return { problem: `${test.principal} is not of the form Type::"id".` };
  const named = file.resources.get(test.resource);
  const resource = named?.uid ?? readUid(test.resource);
  if (resource === undefined)
    return { problem: `${test.resource} is neither a name in resources nor of the form Type::"id".` };
  if (named === undefined && test.attrs !== undefined)
    return { problem: `The attributes of ${test.resource} cannot be changed: it is not one of resources.` };
  const local: EntityInput[] =
    named === undefined ? [] : [{ ...named, attrs: changed(jsonMembers(named.attrs), test.attrs) }];
  for (const name of test.also ?? []) {
    const entity = file.resources.get(name);
    if (entity === undefined) return { problem: `There is nothing called ${name} in resources.` };
    local.push(entity);
  }
  return { principal, action: test.action, resource, context: changed(file.context, test.context), local, shared };
}

interface QuestionProblem {
  /** A misfit can never be asked; nobody permits what nobody has declared. */
  readonly says: 'misfit' | 'undeclared';
  readonly message: string;
}

/**
 * A question that the control plane can never put proves nothing: its entities and its context must be as the schema
 * says. That nobody has declared the action for such a resource is an answer, and may be tested.
 */
function questionProblems({ parsed: { schema } }: LoadedBundle, question: Question): readonly QuestionProblem[] {
  try {
    for (const entity of question.local) {
      const misfit = misfitOf(schema, entity);
      if (misfit !== undefined) return [{ says: 'misfit', message: misfit }];
    }
    const { principal, resource, context } = question;
    const action = { type: schema.actionType, id: question.action };
    return checkRequest(schema, { principal, action, resource, context }).map(({ where, message }) =>
      where === 'context' || where.startsWith('context.')
        ? { says: 'misfit', message: `${where}: ${message}` }
        : { says: 'undeclared', message },
    );
  } catch (error) {
    if (isCodedError(error)) return [{ says: 'misfit', message: error.detail }];
    throw error;
  }
}

/**
 * What a deny rests on that its test may never have meant: a name that nobody has declared, or a policy that failed
 * because there was nothing to read. Whoever means it says so by its reason.
 */
function unspokenOf(expected: Expectation, verdict: Verdict, undeclared: string | undefined): readonly string[] {
  if (verdict.decision || expected.decision !== 'deny') return [];
  if (expected.reasons !== undefined || expected.determining !== undefined) return [];
  const codes = listed(verdict.reasons.map(({ code }) => code));
  const mend = `Mend the question, or expect the reasons (${codes}) if that is what is tested.`;
  if (undeclared !== undefined) return [`It is denied because ${undeclared}. ${mend}`];
  const [failing] = verdict.errors;
  return failing === undefined ? [] : [`It is denied and ${failing.policyId} failed: ${failing.message}. ${mend}`];
}

/** The members with those of the test over them; null takes one away. */
function changed(
  members: Readonly<Record<string, Json>>,
  changes: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    Object.entries({ ...members, ...jsonMembers(changes) }).filter(([, value]) => value !== null),
  );
}

function differencesOf(expected: Expectation, verdict: Verdict): readonly string[] {
  const decision = verdict.decision ? 'permit' : 'deny';
  const codes = verdict.reasons.map(({ code }) => code);
  const lifetime = expected.token_lifetime_seconds;
  const differences = [
    ...(expected.decision === decision
      ? []
      : [
          `decision: expected ${expected.decision}, and it was ${decision}${codes.length === 0 ? '' : ` (${listed(codes)})`}.`,
        ]),
    ...setDifference('reasons', expected.reasons, codes),
    ...setDifference('determining', expected.determining, verdict.determining),
    ...setDifference(
      'obligations',
      expected.obligations?.map((obligation) => canonicalize(obligation)),
      verdict.obligations.map((obligation) => canonicalize(obligationJson(obligation))),
    ),
    ...(lifetime === undefined || lifetime === verdict.tokenLifetimeSeconds
      ? []
      : [`token lifetime: expected ${lifetime} seconds, and it was ${verdict.tokenLifetimeSeconds ?? 'not said'}.`]),
  ];
  const errors = verdict.errors.map(({ policyId, message }) => `${policyId} failed: ${message}`);
  return differences.length === 0 ? [] : [...differences, ...errors];
}

/** What of the one is not in the other; nothing where the test does not say. */
function setDifference(
  what: string,
  wanted: readonly string[] | undefined,
  found: readonly string[],
): readonly string[] {
  if (wanted === undefined) return [];
  const missing = wanted.filter((item) => !found.includes(item));
  const others = found.filter((item) => !wanted.includes(item));
  return [
    ...(missing.length === 0 ? [] : [`${what}: ${listed(missing)} expected, and missing.`]),
    ...(others.length === 0 ? [] : [`${what}: ${listed(others)} not expected, and there.`]),
  ];
}

function listed(items: readonly string[]): string {
  return [...items].sort().join(', ');
}
