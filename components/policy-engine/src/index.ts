export type { PolicyNotes } from './bundle/annotations.ts';
export { hashOfBundle, type LoadedBundle, loadBundle } from './bundle/load-bundle.ts';
export { readBundleFolder } from './bundle/read-folder.ts';
export { runPolicyTests } from './bundle/run-tests.ts';
export {
  type PolicyEngineDependencies,
  type RunningPolicyEngine,
  shippedPolicies,
  startPolicyEngine,
} from './engine.ts';
export { policyEngineRoutes } from './http.ts';
export { policyEngineMigrations } from './migrations.ts';
