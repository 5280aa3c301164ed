import {
  type AssuranceLevel,
  assuranceLevels,
  isAtLeast,
  type WorkloadFact,
  type WorkloadFactName,
  type WorkloadTerms,
  workloadErrors,
} from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';

const { error } = workloadErrors;

/** What a registration entry expects of one fact. */
interface Expectation {
  readonly name: WorkloadFactName;
  readonly values: readonly string[];
  readonly level: AssuranceLevel;
}

/** Why a workload is refused: the expected and the found value. */
export interface Mismatch {
  readonly error: CodedError;
  readonly expectation: Expectation;
  readonly found: WorkloadFact | undefined;
}

/** The facts match the entry. */
export interface Agreement {
  /** The lowest level at which an expected fact is established, not counting the environment. */
  readonly level: AssuranceLevel;
  /** The value of the fact `image`. */
  readonly image: string;
}

/** Everything that the entry expects, in the order of comparison. */
export function expectationsOf({
  environment,
  images,
  configuration,
  selectors,
  level,
}: WorkloadTerms): readonly Expectation[] {
  return [
    { name: 'environment', values: [environment], level: 'asserted' },
    { name: 'image', values: images, level },
    ...(configuration === undefined ? [] : [{ name: 'configuration', values: [configuration], level } as const]),
    ...selectors.map((each) => ({ name: each.name, values: each.values, level: each.level ?? level })),
  ];
}

/**
 * Compares the established facts with an entry. Every fact that is established at the required level must have an
 * expected value. Two items of evidence that contradict each other are therefore refused.
 */
export function compare(terms: WorkloadTerms, facts: readonly WorkloadFact[]): Agreement | Mismatch {
  let level: AssuranceLevel = 'hardware-rooted';
  let image = '';
  for (const expectation of expectationsOf(terms)) {
    const { name, values } = expectation;
    const known = facts.filter((fact) => fact.name === name);
    const strong = known.filter((fact) => isAtLeast(fact.level, expectation.level));
    const other = strong.find(({ value }) => !values.includes(value));
    if (other !== undefined) return { error: differs(expectation, other), expectation, found: other };
    const best = strongest(strong);
    if (best === undefined) return { error: lacking(expectation, known), expectation, found: strongest(known) };
    if (name === 'image') image = best.value;
    if (name !== 'environment' && !isAtLeast(best.level, level)) level = best.level;
  }
  return { level, image };
}

function strongest(facts: readonly WorkloadFact[]): WorkloadFact | undefined {
  return facts.toSorted((one, other) => rank(other) - rank(one))[0];
}
const rank = ({ level }: WorkloadFact): number => assuranceLevels.indexOf(level);

const codes = {
  environment: 'workload_environment_differs',
  image: 'workload_image_differs',
  configuration: 'workload_configuration_differs',
} as const satisfies Partial<Record<WorkloadFactName, string>>;

function differs({ name, values }: Expectation, { value }: WorkloadFact): CodedError {
  // `hasOwn` has found the name.
  const code = Object.hasOwn(codes, name) ? codes[name as keyof typeof codes] : 'workload_fact_differs';
  return error(code, `The ${name} is ${value}; registered: ${values.join(', ')}.`, {
    facts: { fact: name, found: value, expected: [...values] },
  });
}

function lacking({ name, values, level }: Expectation, known: readonly WorkloadFact[]): CodedError {
  const found = strongest(known);
  const facts = { fact: name, expected: [...values] };
  if (found === undefined)
    return error(
      'workload_evidence_missing',
      `No evidence establishes the ${name}; registered: ${values.join(', ')}.`,
      {
        facts,
      },
    );
  return error(
    'workload_assurance_low',
    `The ${name} is established at the level ${found.level}; the entry needs ${level}. Present stronger evidence.`,
    { facts: { ...facts, found: found.value, level: found.level } },
  );
}
