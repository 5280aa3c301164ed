/**
 * The rule that authority only narrows. `narrowDetails` compares the details of tokens, `narrowConstraints` compares mandates,
 * and `permits` checks one use of a mandate. If `narrowConstraints` accepts a child, `permits` grants nothing under the child
 * that it refuses under the parent.
 */
export {
  type DetailsCounterexample,
  type NarrowedDetails,
  narrowDetails,
} from './authorization-details/index.ts';
export * from './mandate/index.ts';
