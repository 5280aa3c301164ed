import { errorVocabulary } from '@countersign/kernel';

/**
 * The errors of this package.
 *
 * - `policy_set_refused`: the text may not be published; `facts.problems` lists every {@link PolicyProblem}
 * - `policy_unsupported`: the compiler has no exact meaning for a construct; `facts.problems` as above
 * - `entities_refused`: entity data is malformed, cyclic, repeated, or not exactly representable
 * - `entity_conflict`: request-local entities would change data of the shared snapshot
 * - `request_refused`: principal, action, resource or context is malformed, oversized or not exactly representable
 * - `long_not_json`: a value to be written as JSON contains an integer beyond 2^53 - 1
 * - `reference_failed`: the reference engine failed; this is neither allow nor deny
 */
export const cedarErrors = errorVocabulary({
  policy_set_refused: 'invalid',
  policy_unsupported: 'invalid',
  entities_refused: 'invalid',
  entity_conflict: 'conflict',
  request_refused: 'invalid',
  long_not_json: 'invalid',
  reference_failed: 'unavailable',
});

/** One thing wrong with a policy set. Offsets are UTF-16 positions in the text named by `source`, end exclusive. */
export interface PolicyProblem {
  readonly source: 'policies' | 'schema';
  readonly message: string;
  readonly policyId?: string;
  readonly start?: number;
  readonly end?: number;
}
