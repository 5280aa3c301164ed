export {
  jwtSvidLifetimeSeconds,
  type NewJwtSvid,
  signJwtSvid,
  type VerifiedJwtSvid,
  verifyJwtSvid,
  workloadClaim,
} from './jwt-svid.ts';
export { parseSpiffeId, principalOfSpiffeId, type SpiffeId, spiffeErrors, spiffeIdOf } from './spiffe-id.ts';
export {
  encodeWorkloadExtension,
  readWorkloadExtension,
  type WorkloadStatement,
  workloadExtension,
} from './workload-extension.ts';
