export { inviteFounders } from './founders.ts';
export { callsOutside, partnerKeysOf } from './gateway.ts';
export { createGround, type Ground } from './ground.ts';
export {
  type Certificates,
  type Core,
  type Edge,
  type Egress,
  type Evidence,
  type Secrets,
  startCertificates,
  startCore,
  startEdge,
  startEgress,
  startEvidence,
  startSecrets,
} from './groups.ts';
export { startKeyAgeReminders } from './key-ages.ts';
export type { Seen } from './seen.ts';
export { type Components, startComponents } from './start-components.ts';
