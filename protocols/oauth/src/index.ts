export * from './access-token.ts';
export * from './act-chain.ts';
export * from './authorization-request.ts';
export * from './certificate.ts';
export * from './certificate-name.ts';
export {
  type CheckedClaims,
  type ClaimFault,
  type ClaimRefusal,
  checkClaims,
  clockLeadSeconds,
  findClaimFault,
} from './claims.ts';
export * from './client-assertion.ts';
export * from './dpop.ts';
export * from './dpop-nonce.ts';
export * from './errors.ts';
export * from './form.ts';
export * from './http-uri.ts';
export * from './id-token.ts';
export * from './identity-assertion-grant.ts';
export * from './introspection-response.ts';
export * from './jarm.ts';
export * from './jws.ts';
export { hasType } from './jws-type.ts';
export * from './key-cache.ts';
export * from './logout-token.ts';
export { type AuthorityClaims, authorityFault } from './market-authority.ts';
export * from './metadata.ts';
export * from './pkce.ts';
export * from './request-object.ts';
export * from './revocation-key.ts';
export * from './revocation-list.ts';
export { createTokenMemory } from './token-memory.ts';
export * from './transaction-token.ts';
export * from './verify-possession.ts';
export * from './verify-resource-request.ts';
