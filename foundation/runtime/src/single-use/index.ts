export {
  type Claim,
  clockErrors,
  createSingleUse,
  type SingleUseClaims,
  type SingleUseOptions,
  steppedBack,
} from './single-use.ts';
export { claimName, createClaimStore } from './store.ts';
