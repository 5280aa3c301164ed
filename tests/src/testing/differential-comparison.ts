import { type Observation, type ObservedPart, observedParts } from './differential-observation.ts';

/** One difference between two answers to the same request. */
export interface Difference {
  /** `answer` is whether it was granted, or the error; the others are compared when both did the same. */
  readonly part: 'answer' | ObservedPart;
  readonly ours: string;
  readonly theirs: string;
}

/** A difference with its reason. */
export interface Explanation extends Difference {
  /** Names of cases; one that ends in `*` covers all with that prefix. */
  readonly cases: readonly string[];
  /** Why ours is right, or why it was chosen when both are allowed. */
  readonly why: string;
  readonly section: string;
}

const nothing = '–';
/** The result of the request: if this differs, everything else does. */
const outcome: readonly ObservedPart[] = ['status', 'error', 'leads to', 'response error'];
/** Headers that any response may have. */
const headers: readonly ObservedPart[] = ['WWW-Authenticate', 'DPoP-Nonce'];

/** All differences between two answers. */
export function differencesBetween(ours: Observation, theirs: Observation): readonly Difference[] {
  const [outcomeOfOurs, outcomeOfTheirs] = [summary(ours), summary(theirs)];
  const same = outcomeOfOurs === outcomeOfTheirs;
  const compared = same ? observedParts.filter((part) => !outcome.includes(part)) : headers;
  return [
    ...(same ? [] : [{ part: 'answer' as const, ours: outcomeOfOurs, theirs: outcomeOfTheirs }]),
    ...compared
      .filter((part) => ours[part] !== theirs[part])
      .map((part) => ({ part, ours: ours[part] ?? nothing, theirs: theirs[part] ?? nothing })),
  ];
}

function summary(observation: Observation): string {
  return outcome
    .map((part) => observation[part])
    .filter((text) => text !== undefined)
    .join(', ');
}

export interface Judgement {
  /** `case: part: ours | theirs` */
  readonly unexplained: readonly string[];
  /** Explanations, or single cases of them, that did not occur. */
  readonly outdated: readonly string[];
}

/** Compares the differences found with the explanations. */
export function judge(
  found: ReadonlyMap<string, readonly Difference[]>,
  explanations: readonly Explanation[],
): Judgement {
  const occurred = new Set<string>();
  const unexplained: string[] = [];
  for (const [name, differences] of found)
    for (const difference of differences) {
      const explaining = explanations.flatMap((explanation) =>
        explains(explanation, difference)
          ? explanation.cases.filter((pattern) => covers(pattern, name)).map((pattern) => idOf(explanation, pattern))
          : [],
      );
      if (explaining.length === 0) unexplained.push(`${name}: ${describe(difference)}`);
      for (const id of explaining) occurred.add(id);
    }
  const outdated = explanations
    .flatMap((explanation) => explanation.cases.map((pattern) => idOf(explanation, pattern)))
    .filter((id) => !occurred.has(id));
  return { unexplained, outdated };
}

/** How many cases differ only in what is explained for all cases with the same prefix. */
export function countAlike(
  found: ReadonlyMap<string, readonly Difference[]>,
  explanations: readonly Explanation[],
): number {
  const general = (name: string, difference: Difference): boolean =>
    explanations.some(
      (explanation) =>
        explains(explanation, difference) &&
        explanation.cases.some((pattern) => pattern.endsWith('*') && covers(pattern, name)),
    );
  return [...found].filter(([name, differences]) => differences.every((difference) => general(name, difference)))
    .length;
}

function explains(explanation: Explanation, difference: Difference): boolean {
  return (
    explanation.part === difference.part &&
    explanation.ours === difference.ours &&
    explanation.theirs === difference.theirs
  );
}

function covers(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

const idOf = (explanation: Explanation, pattern: string): string => `${pattern}: ${describe(explanation)}`;

function describe({ part, ours, theirs }: Difference): string {
  return `${part}: ${ours} | ${theirs}`;
}
