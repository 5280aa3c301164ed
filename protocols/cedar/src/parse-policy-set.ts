import { type PolicyJson, policySetTextToParts, validate } from '@cedar-policy/cedar-wasm/nodejs';
import { cedarErrors, type PolicyProblem } from './errors.ts';
import { policyJsonOf } from './policy-json.ts';
import { type PolicySchema, readSchema, type SchemaSource, schemaFrom } from './policy-schema.ts';
import { lintPolicyText, maxTextLength } from './policy-text.ts';
import { RecentSets } from './recent-sets.ts';
import { askReference, problemsFrom } from './reference-parser.ts';

export interface ParsedPolicy {
  /** From its `@id("...")` annotation. */
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly annotations: Readonly<Record<string, string>>;
  readonly text: string;
  /** Integers beyond 2^53 - 1 are `bigint`, whatever the type says: see {@link policyJsonOf}. */
  readonly json: PolicyJson;
}

/** Policies that may be published: parsed, identified, valid against their schema and exactly representable. */
export interface ParsedPolicySet {
  readonly policies: readonly ParsedPolicy[];
  readonly schema: PolicySchema;
  /** Warnings of the validator that are not errors, such as a policy that can never apply. */
  readonly warnings: readonly PolicyProblem[];
}

const maxPolicies = 5_000;
/** Every decision record contains policy ids, so they are short and plain. */
const policyId = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;

/**
 * Parses policies in Cedar's policy syntax and validates them strictly against a schema in Cedar's schema syntax.
 *
 * Refused are: text that does not parse; templates; a policy without a unique `@id` of at most 128 characters (letters,
 * digits, `. _ : / -`); everything that strict validation reports, including integers beyond 64 bits; and nesting that would
 * crash the reference parser.
 * @throws CodedError `policy_set_refused` with all problems found in `facts.problems` ({@link PolicyProblem}[]);
 *   `reference_failed` if the parser fails
 */
export function parsePolicySet(policiesText: string, schemaText: string): ParsedPolicySet {
  return parsedFrom(examinePolicySet(policiesText, schemaText));
}

/** The result of {@link parsePolicySet} as plain data, which one thread can send to another. */
export interface ExaminedPolicySet {
  readonly policies: readonly ParsedPolicy[];
  readonly schema: SchemaSource;
  readonly warnings: readonly PolicyProblem[];
}

/**
 * The slow part of {@link parsePolicySet}: all calls of the reference engine. Results for the most recent texts are cached and
 * frozen.
 * @throws CodedError as {@link parsePolicySet}
 */
export function examinePolicySet(policiesText: string, schemaText: string): ExaminedPolicySet {
  const known = recent.find(policiesText, schemaText);
  return known ?? recent.keep(policiesText, schemaText, examine(policiesText, schemaText));
}

/** At start, a node publishes the policies of its release and then reads them again as the policies in force. */
const recent = new RecentSets<ExaminedPolicySet>();

function examine(policiesText: string, schemaText: string): ExaminedPolicySet {
  refuseIfAny([...textProblems('policies', policiesText), ...textProblems('schema', schemaText)]);
  const schema = readSchema(schemaText);
  const { policies, problems } = readPolicies(policiesText);
  if ('problems' in schema) throw refused([...schema.problems, ...problems]);
  refuseIfAny(problems);
  const findings = validateStrictly(policies, policiesText, schema);
  refuseIfAny(findings.errors);
  const { text, json } = schema;
  return {
    policies: policies.map(({ origin, ...policy }) => policy),
    schema: { text, json },
    warnings: findings.warnings,
  };
}

export function parsedFrom({ policies, schema, warnings }: ExaminedPolicySet): ParsedPolicySet {
  return { policies, schema: schemaFrom(schema), warnings };
}

interface LocatedPolicy extends ParsedPolicy {
  readonly origin: number;
}

function textProblems(source: 'policies' | 'schema', text: unknown): readonly PolicyProblem[] {
  if (typeof text !== 'string' || !text.isWellFormed()) return [{ source, message: 'it is not well-formed text' }];
  if (text.length > maxTextLength)
    return [
      {
        source,
        message: `${source === 'policies' ? 'all of them together are' : 'it is'} longer than ${maxTextLength} characters`,
      },
    ];
  return lintPolicyText(text).map((problem) => ({ ...problem, source }));
}

function readPolicies(text: string): { policies: readonly LocatedPolicy[]; problems: readonly PolicyProblem[] } {
  const parts = askReference(() => policySetTextToParts(text));
  if (parts.type === 'failure') {
    return { policies: [], problems: problemsFrom(parts.errors, { source: 'policies', text }) };
  }
  const templates = parts.policy_templates.map((template) => ({
    source: 'policies' as const,
    message: 'templates are not supported: write the policy out',
    ...span(text.indexOf(template), template),
  }));
  if (templates.length > 0) return { policies: [], problems: templates };
  if (parts.policies.length > maxPolicies) {
    return { policies: [], problems: [{ source: 'policies', message: `there are more than ${maxPolicies} policies` }] };
  }
  const policies: LocatedPolicy[] = [];
  const problems: PolicyProblem[] = [];
  const seen = new Set<string>();
  for (const { part, origin } of inTextOrder(parts.policies, text)) {
    const policy = readPolicy(part, origin);
    if ('message' in policy) problems.push(policy);
    else if (seen.has(policy.id)) {
      problems.push({
        source: 'policies',
        policyId: policy.id,
        message: 'the @id is used twice',
        ...span(origin, part),
      });
    } else {
      seen.add(policy.id);
      policies.push(policy);
    }
  }
  return { policies, problems };
}

/** The parser numbers policies in text order (`policy0`, `policy1`, ...) and returns them sorted by that name. */
function inTextOrder(parts: readonly string[], text: string): readonly { part: string; origin: number }[] {
  const names = parts.map((_, index) => `policy${index}`).sort();
  const ordered = parts
    .map((part, index) => ({ part, position: Number(names[index]?.slice('policy'.length)) }))
    .sort((left, right) => left.position - right.position);
  let end = 0;
  return ordered.map(({ part }) => {
    const origin = text.indexOf(part, end);
    if (origin === -1) throw new Error('the reference parser returned policies in an order we do not know');
    end = origin + part.length;
    return { part, origin };
  });
}

function readPolicy(text: string, origin: number): LocatedPolicy | PolicyProblem {
  const at = { source: 'policies', ...span(origin, text) } as const;
  const parsed = policyJsonOf(text);
  if (parsed.type === 'failure') {
    return { ...at, message: parsed.errors.map((error) => error.message).join('; ') };
  }
  // An annotation without a value arrives as null, contrary to the declared type.
  const annotations = Object.fromEntries(
    Object.entries(parsed.json.annotations ?? {}).map(([name, value]) => [name, value ?? '']),
  );
  const id = annotations['id'];
  if (id === undefined || id === '') return { ...at, message: 'the policy has no @id("...")' };
  if (!policyId.test(id)) {
    return { ...at, message: 'the @id is longer than 128 characters or has others than letters, digits and . _ : / -' };
  }
  return { id, effect: parsed.json.effect, annotations, text, json: parsed.json, origin };
}

function validateStrictly(
  policies: readonly LocatedPolicy[],
  text: string,
  schema: SchemaSource,
): { errors: readonly PolicyProblem[]; warnings: readonly PolicyProblem[] } {
  const answer = askReference(() =>
    validate({
      schema: schema.text,
      policies: { staticPolicies: Object.fromEntries(policies.map((policy) => [policy.id, policy.text])) },
      validationSettings: { mode: 'strict' },
    }),
  );
  if (answer.type === 'failure') {
    return { errors: problemsFrom(answer.errors, { source: 'policies', text }), warnings: [] };
  }
  const origins = new Map(policies.map((policy) => [policy.id, policy.origin]));
  const located = (findings: typeof answer.validationErrors): PolicyProblem[] =>
    findings.flatMap(({ policyId, error }) =>
      problemsFrom([error], { source: 'policies', text, policyId, origin: origins.get(policyId) ?? 0 }),
    );
  return {
    errors: located(answer.validationErrors),
    warnings: [
      ...located(answer.validationWarnings),
      ...problemsFrom(answer.otherWarnings, { source: 'schema', text: schema.text }),
    ],
  };
}

function span(start: number, part: string): { start: number; end: number } {
  return { start, end: start + part.length };
}

function refuseIfAny(problems: readonly PolicyProblem[]): void {
  if (problems.length > 0) throw refused(problems);
}

function refused(problems: readonly PolicyProblem[]): Error {
  const first = problems[0];
  const where = first?.policyId === undefined ? `the ${first?.source}` : `policy ${first.policyId}`;
  return cedarErrors.error(
    'policy_set_refused',
    `The policy set has ${problems.length} problem(s), the first in ${where}: ${first?.message}.`,
    { facts: { problems } },
  );
}
