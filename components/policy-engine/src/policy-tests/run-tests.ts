import {
  checkRequest,
  createEntitySnapshot,
  type EntityInput,
  type EntitySnapshot,
  type EntityUid,
} from '@countersign/cedar';
import { obligationJson, type PolicyTestReport } from '@countersign/contracts';
import { canonicalize, isCodedError, type Json } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { atOnce, inTurns } from '../bundle/in-turns.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { applicationFolder, firstFaultIn, misfitOf } from '../bundle/located.ts';
import { judge, type Verdict } from '../decision/judge.ts';
import type { Question } from '../decision/question.ts';

type TestOutcome = PolicyTestReport['tests'][number];

export function runPolicyTests(loaded: LoadedBundle): PolicyTestReport {
  return atOnce(running(loaded));
}

export async function runPolicyTestsInTurns(loaded: LoadedBundle): Promise<PolicyTestReport> {
  return inTurns(running(loaded));
}

function* running(loaded: LoadedBundle): Generator<void, PolicyTestReport> {
  const applications = [...loaded.applications.values()].map(({ model, loaded: rules, entities }) => ({
    rules: { ...rules, entities },
    folder: applicationFolder(model),
    prefix: `${model.namespace}::`,
  }));
  const tests: TestOutcome[] = [];
  const untested: string[] = [];
  for (const { rules, folder, prefix } of [{ rules: loaded, folder: '', prefix: '' }, ...applications]) {
    const undetermined = new Set(rules.parsed.policies.map(({ id }) => id));
    for (const outcome of outcomesOf(rules, undetermined)) {
      tests.push({ ...outcome, file: `${folder}${outcome.file}` });
      yield;
    }
    untested.push(...[...undetermined].sort().map((id) => `${prefix}${id}`));
  }
  const [passing, failing] = [tests.filter(({ ok }) => ok), tests.filter(({ ok }) => !ok)];
  return { passed: passing.length, failed: failing.length, tests: [...failing, ...passing], untested };
}

/** One outcome at a time, so that the caller can yield in between. Removes the policies that determine one from `undetermined`. */
function* outcomesOf(loaded: LoadedBundle, undetermined: Set<string>): Generator<TestOutcome> {
  for (const { file, content } of loaded.bundle.tests) {
    const read = readTestFile(content);
    if ('problem' in read) {
      yield failed(file, 'the file itself', `The test file cannot be read: ${read.problem}.`);
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
      for (const id of verdict.determining) undetermined.delete(id);
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
  if (principal === undefined) return { problem: `${test.principal} does not have the form Type::"id".` };
  const named = file.resources.get(test.resource);
  const resource = named?.uid ?? readUid(test.resource);
  if (resource === undefined)
    return { problem: `${test.resource} is not a name in resources and does not have the form Type::"id".` };
  if (named === undefined && test.attrs !== undefined)
    return { problem: `The attributes of ${test.resource} cannot be changed, because it is not in resources.` };
  const local: EntityInput[] =
    named === undefined ? [] : [{ ...named, attrs: changed(jsonMembers(named.attrs), test.attrs) }];
  for (const name of test.also ?? []) {
    const entity = file.resources.get(name);
    if (entity === undefined) return { problem: `There is no ${name} in resources.` };
    local.push(entity);
  }
  return { principal, action: test.action, resource, context: changed(file.context, test.context), local, shared };
}

interface QuestionProblem {
  /** `misfit`: the question can never occur. `undeclared`: the schema does not declare the action, so it is denied. */
  readonly says: 'misfit' | 'undeclared';
  readonly message: string;
}

/**
 * The entities and the context of a question must fit the schema, because a question that can never occur proves nothing. An undeclared
 * action is a valid deny, and may be tested.
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
 * Reports a deny that the test may not intend: by an undeclared action, or by a policy that failed. A test that intends it must expect
 * its reason.
 */
function unspokenOf(expected: Expectation, verdict: Verdict, undeclared: string | undefined): readonly string[] {
  if (verdict.decision || expected.decision !== 'deny') return [];
  if (expected.reasons !== undefined || expected.determining !== undefined) return [];
  const codes = listed(verdict.reasons.map(({ code }) => code));
  const mend = `Correct the question, or expect the reasons (${codes}) if this is intended.`;
  if (undeclared !== undefined) return [`It is denied because ${undeclared}. ${mend}`];
  const [failing] = verdict.errors;
  return failing === undefined ? [] : [`It is denied and ${failing.policyId} failed: ${failing.message}. ${mend}`];
}

/** The members with the test's changes; null removes one. */
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

const closed = { additionalProperties: false };
const values = Type.Record(Type.String({ maxLength: 256 }), Type.Unknown());
const name = Type.String({ minLength: 1, maxLength: 256 });
const uid = Type.Object({ type: name, id: Type.String({ maxLength: 1_024 }) }, closed);
const entity = Type.Object(
  { uid, attrs: Type.Optional(values), parents: Type.Optional(Type.Array(uid)) },
  { ...closed, description: 'An entity in the JSON form of Cedar' },
);
const expected = Type.Object(
  {
    decision: Type.Enum(['permit', 'deny']),
    reasons: Type.Optional(Type.Array(name)),
    determining: Type.Optional(Type.Array(name)),
    obligations: Type.Optional(Type.Array(Type.Unknown())),
    token_lifetime_seconds: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
);
const test = Type.Object(
  {
    name,
    principal: name,
    action: name,
    resource: name,
    also: Type.Optional(Type.Array(name)),
    attrs: Type.Optional(values),
    context: Type.Optional(values),
    expect: expected,
  },
  closed,
);
const fileSchema = Type.Object(
  {
    entities: Type.Optional(Type.Array(entity)),
    context: Type.Optional(values),
    resources: Type.Optional(Type.Record(Type.String(), entity)),
    tests: Type.Array(test, { maxItems: 10_000 }),
  },
  closed,
);
const compiled = Compile(fileSchema);

type PolicyTest = Static<typeof test>;
type Expectation = Static<typeof expected>;

interface TestFile {
  /** Entities for all tests of the file, in addition to the bundle's reference data. */
  readonly entities: readonly EntityInput[];
  readonly context: Readonly<Record<string, Json>>;
  readonly resources: ReadonlyMap<string, EntityInput>;
  readonly tests: readonly PolicyTest[];
}

/** @returns the file, or the problem in words */
export function readTestFile(content: Json): TestFile | { readonly problem: string } {
  if (!compiled.Check(content)) return { problem: firstFaultIn(content, compiled) ?? 'it is not a test file' };
  return {
    entities: (content.entities ?? []).map(entityOf),
    context: jsonMembers(content.context),
    resources: new Map(Object.entries(content.resources ?? {}).map(([key, value]) => [key, entityOf(value)])),
    tests: content.tests,
  };
}

const uidText = /^((?:[A-Za-z_][A-Za-z0-9_]*::)*[A-Za-z_][A-Za-z0-9_]*)::("(?:[^"\\]|\\.)*")$/;

/** Reads `Person::"person:anna"`; undefined for any other text. */
export function readUid(text: string): EntityUid | undefined {
  const [, type, quoted] = uidText.exec(text) ?? [];
  if (type === undefined || quoted === undefined) return undefined;
  try {
    return { type, id: JSON.parse(quoted) };
  } catch {
    return undefined;
  }
}

function entityOf({ uid, attrs, parents }: Static<typeof entity>): EntityInput {
  return { uid, attrs: jsonMembers(attrs), parents: parents ?? [] };
}

function jsonMembers(members: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, Json>> {
  // The schema of the tests checks that it is an object.
  return (members ?? {}) as Readonly<Record<string, Json>>;
}
