export {
  createDetailTypesReplica,
  type DetailTypesReplica,
  type DetailTypesReplicaDependencies,
} from './applications/detail-types-replica.ts';
export { analysePolicies, type PolicyFinding } from './bundle/analyse.ts';
export type { PolicyNotes } from './bundle/annotations.ts';
export { hashOfBundle, type LoadedBundle, loadBundle } from './bundle/load-bundle.ts';
export { foreignFault } from './bundle/parts.ts';
export { isApplicationFolder, readApplicationFolder, readBundleFolder } from './bundle/read-folder.ts';
export {
  type PolicyEngineDependencies,
  type RunningPolicyEngine,
  shippedPolicies,
  startPolicyEngine,
} from './engine.ts';
export { policyEngineRoutes } from './http.ts';
export { authorityTable } from './matrix/authority-table.ts';
export { inWords, matrixPage } from './matrix/matrix-page.ts';
export { checkMatrix, compareMatrices, describeRow, holds } from './matrix/report.ts';
export { policyEngineMigrations } from './migrations.ts';
export { runPolicyTests } from './policy-tests/run-tests.ts';
export { createDirectoryEntities } from './trading/directory-entities.ts';
export { defaultCounting } from './trading/reference-facts.ts';
export { candidateApproval } from './versions/recorded-candidate.ts';
