export { type ParsedCertificate, readX509Certificate } from './certificates/certificate.ts';
export { basicConstraintsOf, extendedKeyUsageOf, findUnsupportedExtension } from './certificates/extensions.ts';
export { type GeneralName, subjectAltNamesOf } from './certificates/general-names.ts';
export { x509Errors } from './errors.ts';
export { objectIdentifiers } from './object-identifiers.ts';
export { type CertificateTrust, findPath, type PathVerdict } from './path/find-path.ts';
export {
  type PathReason,
  type PathRequirements,
  pathReasons,
  type ValidatedPath,
  validatePath,
} from './path/validate-path.ts';
export { encodeStatusRequest, readStatusResponse } from './revocation/ocsp.ts';
export {
  type CompleteRevocationList,
  type RevocationStatement,
  readCompleteRevocationList,
} from './revocation/revocation-list.ts';
export { maxRevocationOctets, type RevocationVerdict, verifyRevocation } from './revocation/verify-revocation.ts';
export type { HashName, SignatureScheme } from './signatures/algorithms.ts';
export { ecdsaSignatureFromDer, type SignOctets } from './signatures/ecdsa-signature.ts';
export { verifySignature } from './signatures/verify-signature.ts';
export { buildAuthorityCertificate, type NewAuthorityCertificate } from './time-stamp/build-authority-certificate.ts';
export { buildTimeStampToken, type NewTimeStampToken } from './time-stamp/build-time-stamp-token.ts';
export type { MessageImprint, NewTimeStampInfo } from './time-stamp/time-stamp-info.ts';
export {
  encodeTimeStampRequest,
  maxRequestOctets,
  readTimeStampRequest,
  type TimeStampRequest,
} from './time-stamp/time-stamp-request.ts';
export {
  encodeGrantedResponse,
  encodeRejectedResponse,
  readTimeStampResponse,
  type TimeStampFailure,
  type TimeStampResponse,
} from './time-stamp/time-stamp-response.ts';
export {
  certificatesInToken,
  maxTokenOctets,
  type TimeStampClaim,
  type TimeStampReason,
  type TimeStampTrust,
  type TimeStampVerdict,
  timeStampReasons,
  type VerifiedTimeStamp,
  verifyTimeStampToken,
} from './time-stamp/verify-time-stamp-token.ts';
