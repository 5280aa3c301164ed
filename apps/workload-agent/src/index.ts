export { type AgentSettings, createConfiguredEvidence, readAgentSettings, startAgent } from './agent.ts';
export { type AttesterDoor, createAttesterDoor } from './control-plane.ts';
export { digestFile, digestTree } from './digest-files.ts';
export { type Endpoint, openEndpoint } from './endpoint.ts';
export { agentErrors } from './errors.ts';
export { findExecutable, type Launched, type LaunchOptions, launch } from './launcher.ts';
export type { Svid, SvidState } from './svid.ts';
export { createSvidSource, type EvidenceSource, type SvidSource } from './svid-source.ts';
