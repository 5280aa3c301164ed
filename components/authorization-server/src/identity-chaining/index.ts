export { authorizationGrants, type ChainedIssuer } from './authorization-grants.ts';
export { actorsUnder, ceilingOf, checkPossession } from './redeemed-limits.ts';
