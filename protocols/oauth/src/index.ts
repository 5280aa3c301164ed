export {
  type AccessTokenClaims,
  type AccessTokenExpectations,
  accessTokenHeader,
  type Confirmation,
  maxAccessTokenLifetimeSeconds,
  type RememberedToken,
  readAccessTokenClaims,
  signAccessToken,
  type TokenMemory,
  userinfoAudience,
  type VerifiedAccessToken,
  verifyAccessToken,
} from './access-token.ts';
export { type ActClaim, actClaimOf, maxActors, parseActChain, pushActor } from './act-chain.ts';
export {
  type AuthorizationRequest,
  type AuthorizationRequestProblem,
  authorizationRequestErrors,
  oauthErrorOfAuthorizationRequest,
  type Prompt,
  parseAuthorizationRequest,
  parseResponseTarget,
  promptValues,
  type RequestParameters,
  type ResponseTarget,
} from './authorization-request.ts';
export {
  type Certificate,
  type CertificateNames,
  type CertificateReader,
  type CertificateThumbprint,
  certificateThumbprint,
  createCertificateReader,
  isInDate,
  maxCertificateLength,
  readCertificate,
} from './certificate.ts';
export {
  type CanonicalName,
  type CertificateName,
  canonicalName,
  canonicalNamesOf,
  checkCertificateName,
  matchesName,
} from './certificate-name.ts';
export {
  type CheckedClaims,
  type ClaimFault,
  type ClaimRefusal,
  checkClaims,
  clockLeadSeconds,
  findClaimFault,
} from './claims.ts';
export {
  type ClientAssertionExpectations,
  clientAssertionType,
  maxClientAssertionLifetimeSeconds,
  type RegisteredKey,
  type VerifiedClientAssertion,
  verifyClientAssertion,
} from './client-assertion.ts';
export {
  type NonceCheck,
  type ProofExpectations,
  proofLifetimeSeconds,
  type VerifiedProof,
  verifyProof,
} from './dpop.ts';
export { createNonceSource, type NonceSource } from './dpop-nonce.ts';
export {
  accessTokenErrors,
  actChainErrors,
  certificateErrors,
  clientAssertionErrors,
  formErrors,
  keyErrors,
  metadataErrors,
  proofErrors,
  revocationListErrors,
} from './errors.ts';
export { type FormLimits, parseForm } from './form.ts';
export { normalizeHttpUri } from './http-uri.ts';
export {
  accessTokenHash,
  type IdTokenClaims,
  type IdTokenExpectations,
  type IdTokenHint,
  idTokenErrors,
  idTokenHeader,
  maxIdTokenLifetimeSeconds,
  signIdToken,
  type VerifiedIdToken,
  verifyIdToken,
  verifyIdTokenHint,
} from './id-token.ts';
export {
  type AuthorizationGrantClaims,
  type AuthorizationGrantExpectations,
  authorizationGrantErrors,
  type GrantLimits,
  type GrantLimitsRefusal,
  type IdentityAssertionGrantClaims,
  identityAssertionGrantHeader,
  identityAssertionGrantProfile,
  identityAssertionGrantTokenType,
  jwtAuthorizationGrantHeader,
  jwtAuthorizationGrantTokenType,
  maxAuthorizationGrantLifetimeSeconds,
  readGrantLimits,
  signIdentityAssertionGrant,
  signJwtAuthorizationGrant,
  type VerifiedIdentityAssertionGrant,
  verifyIdentityAssertionGrant,
} from './identity-assertion-grant.ts';
export {
  composeIntrospectionResponse,
  type Introspection,
  type IntrospectionResponseClaims,
  introspectionResponseErrors,
  introspectionResponseFreshnessSeconds,
  introspectionResponseHeader,
  introspectionResponseMediaType,
  signIntrospectionResponse,
  type VerifiedIntrospection,
  verifyIntrospectionResponse,
} from './introspection-response.ts';
export {
  type AuthorizationResponse,
  type AuthorizationResponseClaims,
  authorizationResponseErrors,
  authorizationResponseHeader,
  composeAuthorizationResponse,
  maxAuthorizationResponseLifetimeSeconds,
  signAuthorizationResponse,
  type VerifiedAuthorizationResponse,
  verifyAuthorizationResponse,
} from './jarm.ts';
export {
  type EncodedHeader,
  encodeHeader,
  hasType,
  type JsonObject,
  type JwsHeader,
  type JwsProblem,
  type JwsRefusal,
  maxJwsLength,
  parseCompactJws,
  signCompactJws,
  type UnverifiedJws,
  type VerifiedClaims,
  verifyJws,
  verifyJwsAside,
} from './jws.ts';
export {
  type AuthenticatorAlgorithm,
  type AuthenticatorKey,
  createKeyCache,
  type IdTokenAlgorithm,
  type IssuerAlgorithm,
  idTokenAlgorithms,
  importAuthenticatorKey,
  importIssuerKey,
  importVerificationKey,
  type JwsAlgorithm,
  type KeyCache,
  signatureAlgorithms,
  type Thumbprint,
  type VerificationKey,
} from './key-cache.ts';
export {
  composeLogoutToken,
  type EndedSignIn,
  type LogoutTokenClaims,
  logoutTokenErrors,
  logoutTokenHeader,
  maxLogoutTokenLifetimeSeconds,
  signLogoutToken,
  type VerifiedLogoutToken,
  verifyLogoutToken,
} from './logout-token.ts';
export { type AuthorityClaims, authorityFault } from './market-authority.ts';
export {
  type AuthorizationServerMetadata,
  type MtlsEndpointAliases,
  metadataUrl,
  openidConfigurationUrl,
  type ProtectedResourceMetadata,
  parseMetadata,
  protectedResourceMetadataUrl,
} from './metadata.ts';
export { isCodeChallenge, verifyCodeChallenge } from './pkce.ts';
export { findRegisteredKey } from './registered-key.ts';
export {
  composeRequestObject,
  maxRequestObjectLength,
  maxRequestObjectLifetimeSeconds,
  type RequestObjectExpectations,
  requestObjectErrors,
  requestObjectHeader,
  signRequestObject,
  type VerifiedRequestObject,
  verifyRequestObject,
} from './request-object.ts';
export {
  everythingKey,
  isRevoked,
  type RevocableClaims,
  type RevocationKind,
  revocationKey,
  revocationKeysOf,
  revokedBy,
} from './revocation-key.ts';
export {
  maxRevocationEntries,
  maxRevocationListLength,
  type RevocationEntry,
  type RevocationList,
  revocationListHeader,
  revocationListLifetimeSeconds,
  signRevocationList,
  type VerifiedRevocationList,
  verifyRevocationList,
} from './revocation-list.ts';
export { createTokenMemory } from './token-memory.ts';
export {
  maxTransactionTokenLifetimeSeconds,
  parseTransactionContext,
  signTransactionToken,
  type TransactionTokenClaims,
  transactionTokenErrors,
  transactionTokenHeader,
  transactionTokenType,
  type VerifiedTransactionToken,
  verifyTransactionToken,
} from './transaction-token.ts';
export {
  type PossessionExpectations,
  type PresentedToken,
  type ResourceRequest,
  readPresentedToken,
  verifyPossession,
} from './verify-possession.ts';
export {
  isKeyUnknown,
  type ResourceExpectations,
  type VerifiedResourceRequest,
  verifyResourceRequest,
} from './verify-resource-request.ts';
