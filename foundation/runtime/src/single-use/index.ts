export * from './single-use.ts';
export { claimName, createClaimStore } from './store.ts';
