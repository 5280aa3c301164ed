/** What two engines must agree on; the words of an error are each one's own. */
export interface Comparable {
  readonly decision: boolean;
  /** Ids, sorted. */
  readonly determining: readonly string[];
  /** Ids of the policies that could not be evaluated, sorted. */
  readonly errors: readonly string[];
}

export function comparable(answer: {
  readonly decision: boolean;
  readonly determining: readonly string[];
  readonly errors: readonly { readonly policyId: string }[];
}): Comparable {
  return {
    decision: answer.decision,
    determining: [...answer.determining].sort(),
    errors: answer.errors.map(({ policyId }) => policyId).sort(),
  };
}

export function sameAnswer(left: Comparable, right: Comparable): boolean {
  return (
    left.decision === right.decision &&
    sameItems(left.determining, right.determining) &&
    sameItems(left.errors, right.errors)
  );
}

function sameItems(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}
