export { configurationsOfParts } from './configurations-of-parts.ts';
export { type InitialisedProcesses, type InitProcessesOptions, initProcesses } from './init-processes.ts';
export { type RenewedProcess, type RenewProcessesOptions, renewProcesses } from './renew-processes.ts';
export { prepareSplitDevelopment, type SplitDevelopment } from './split-development.ts';
export { type ConfiguredToken, describeToken, wrapConfiguredKey } from './wrap-key.ts';
