/**
 * Entry point for signing and verification only: compact JWS and keys. It loads no market types, so that a client starts
 * faster.
 */
export {
  type CheckedClaims,
  type ClaimFault,
  type ClaimRefusal,
  checkClaims,
  clockLeadSeconds,
  findClaimFault,
} from './claims.ts';
export * from './jws.ts';
export { hasType } from './jws-type.ts';
export * from './key-cache.ts';
