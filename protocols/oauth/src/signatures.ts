/** Entry point for compact JWS and keys only. Without market types, a client starts faster. */
export {
  type CheckedClaims,
  type ClaimFault,
  type ClaimRefusal,
  checkClaims,
  clockLeadSeconds,
  findClaimFault,
} from './claims.ts';
export * from './jws.ts';
export * from './key-cache.ts';
