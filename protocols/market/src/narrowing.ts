/**
 * Authority only narrows: the two lattices and their use, in one place. `narrowDetails` compares what tokens
 * may do, `narrowConstraints` what mandates permit; `permits` asks a mandate about one use. What
 * `narrowConstraints` accepts, `permits` never grants to the child and refuses to the parent.
 */
export {
  type DetailsCounterexample,
  type NarrowedDetails,
  narrowDetails,
} from './authorization-details/index.ts';
export * from './mandate/index.ts';
