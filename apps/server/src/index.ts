export { type CopyResult, type LogSource, mirrorLog } from '@countersign/audit-log';
export { type VersionFault, verifyMandateVersions } from '@countersign/consent-store';
export {
  analysePolicies,
  authorityTable,
  checkMatrix,
  compareMatrices,
  describeRow,
  foreignFault,
  holds,
  inWords,
  isApplicationFolder,
  type LoadedBundle,
  loadBundle,
  matrixPage,
  type PolicyFinding,
  readApplicationFolder,
  readBundleFolder,
  runPolicyTests,
  shippedPolicies,
} from '@countersign/policy-engine';
export { openSmartCard, type SmartCard } from '@countersign/runtime';
export type { Components } from './components/index.ts';
export {
  type Configuration,
  configurationSchema,
  type DevelopmentSetup,
  directorySeed,
  ownInterfaces,
  prepareDevelopment,
  readConfiguration,
} from './configuration/index.ts';
export { type ControlPlane, startControlPlane } from './control-plane.ts';
export { type MigrateOptions, migrateDatabase, migratedComponents } from './database/index.ts';
export { builtEvidencePage } from './front-page/index.ts';
export { describeInterfaces, textOf as openapiText } from './openapi/index.ts';
export { type GroupParts, groupParts, type ProcessGroup, processGroups } from './process-groups/index.ts';
export {
  type ConfiguredToken,
  describeToken,
  type InitialisedProcesses,
  type InitProcessesOptions,
  initProcesses,
  prepareSplitDevelopment,
  type RenewedProcess,
  type RenewProcessesOptions,
  renewProcesses,
  type SplitDevelopment,
  wrapConfiguredKey,
} from './provisioning/index.ts';
export { type StartOptions, startAndStay } from './start.ts';
export { type RunningWitness, startWitness, type WitnessOptions, witnessAndStay, witnessKey } from './witness.ts';
