export { parseSpiffeId, principalOfSpiffeId, type SpiffeId, spiffeErrors, spiffeIdOf } from './spiffe-id.ts';
export {
  encodeWorkloadExtension,
  readWorkloadExtension,
  type WorkloadStatement,
  workloadExtension,
} from './workload-extension.ts';
