export { type Nonces, usedBefore } from './check-proof.ts';
export {
  bindingOf,
  type ClientContext,
  type ClientEndpoint,
  type ClientEndpointDependencies,
  type ClientRules,
  checkClient,
  checkStanding,
  createClientEndpoint,
} from './client-endpoint.ts';
export { circumstancesOf, type Established, recordRefusal } from './record-refusal.ts';
export { createRefusalBudget } from './refusal-budget.ts';
export { createWorkloadCredentials } from './workload-credentials.ts';
