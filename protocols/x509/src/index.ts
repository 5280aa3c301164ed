export {
  type AuthorityLimits,
  buildCertificationRequest,
  buildIssuingCertificate,
  buildRootCertificate,
  issuingExtensions,
  limitingExtensions,
  type RootSigning,
} from './certificates/build-authority.ts';
export {
  assembleCertificate,
  buildTbsCertificate,
  type NewCertificate,
  type NewSignature,
} from './certificates/build-certificate.ts';
export { keyIdentifierOf, type NewExtension, type NewExtensions } from './certificates/build-extensions.ts';
export {
  encodeDirectoryName,
  type NameAttributeType,
  type NewDirectoryName,
  type NewGeneralName,
} from './certificates/build-names.ts';
export { isIssuedBy, type ParsedCertificate, readX509Certificate } from './certificates/certificate.ts';
export {
  type CertificationRequest,
  maxCertificationRequestOctets,
  readCertificationRequest,
} from './certificates/certification-request.ts';
export { attributeTexts, sameDirectoryNames } from './certificates/directory-name.ts';
export {
  basicConstraintsOf,
  extendedKeyUsageOf,
  findUnsupportedExtension,
  type KeyUsage,
} from './certificates/extensions.ts';
export { type GeneralName, subjectAltNamesOf } from './certificates/general-names.ts';
export { decodePem, encodePem } from './certificates/pem.ts';
export { encodeRequestAttributes, type RequestExpectation } from './certificates/request-attributes.ts';
export { respondersOf } from './certificates/revocation-sources.ts';
export { encodeCertificateBag } from './cms/certificate-bag.ts';
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
export {
  assembleRevocationList,
  buildTbsRevocationList,
  type NewRevocationEntry,
  type NewRevocationList,
  type RevocationListScope,
} from './revocation/build-revocation-list.ts';
export {
  assembleStatusResponse,
  buildStatusResponseData,
  type CertificateStatus,
  encodeStatusFailure,
  type NewSingleResponse,
  type NewStatusResponse,
  type StatusResponseFailure,
} from './revocation/build-status-response.ts';
export {
  type ListAuthorities,
  type RevocationList,
  type RevocationStatement,
  readRevocationList,
  statusInLists,
} from './revocation/revocation-list.ts';
export { type RevocationReason, revocationReasons } from './revocation/revocation-reasons.ts';
export {
  type CertificateId,
  decodeStatusRequestPath,
  encodeStatusRequest,
  isIssuerOf,
  maxStatusRequestOctets,
  readStatusRequest,
  type StatusRequest,
} from './revocation/status-request.ts';
export { readStatusResponse } from './revocation/status-response.ts';
export { maxRevocationOctets, type RevocationVerdict, verifyRevocation } from './revocation/verify-revocation.ts';
export type { HashName, SignatureScheme } from './signatures/algorithms.ts';
export { ecdsaSignatureFromDer, type SignOctets } from './signatures/ecdsa-signature.ts';
export { publicKeyJwk } from './signatures/public-key.ts';
export type { SigningAlgorithm } from './signatures/sign-algorithms.ts';
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
