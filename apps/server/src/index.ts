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
export { type Components, migratedComponents } from './components.ts';
export { type Configuration, configurationSchema, readConfiguration } from './configuration.ts';
export { type ControlPlane, startControlPlane } from './control-plane.ts';
export { type DevelopmentSetup, prepareDevelopment } from './development.ts';
export { builtEvidencePage } from './front-page/evidence-page.ts';
export { type MigrateOptions, migrateDatabase } from './migrate-database.ts';
export { describeInterfaces, textOf as openapiText } from './openapi/describe-interfaces.ts';
export { directorySeed, ownInterfaces } from './own-interfaces.ts';
export { type GroupParts, groupParts, type ProcessGroup, processGroups } from './processes/groups.ts';
export { type InitialisedProcesses, type InitProcessesOptions, initProcesses } from './processes/init-processes.ts';
export { type RenewedProcess, type RenewProcessesOptions, renewProcesses } from './processes/renew-processes.ts';
export { prepareSplitDevelopment, type SplitDevelopment } from './processes/split-development.ts';
export { type StartOptions, startAndStay } from './start.ts';
export { type RunningWitness, startWitness, type WitnessOptions, witnessAndStay, witnessKey } from './witness.ts';
