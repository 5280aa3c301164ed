/**
 * Authority only narrows: `narrowDetails` compares tokens, `narrowConstraints` mandates, and `permits` checks one use.
 * Under a child that `narrowConstraints` accepts, `permits` grants nothing that it refuses under the parent.
 */
export {
  type DetailsCounterexample,
  type NarrowedDetails,
  narrowDetails,
} from './authorization-details/index.ts';
export * from './mandate/index.ts';
