/**
 * The door for what signs and verifies alone: compact JWS, and keys. It loads nothing of trading, which access tokens
 * carry, so that a client starts in a fraction of the time.
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
