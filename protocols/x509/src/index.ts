export { buildAuthorityCertificate, type NewAuthorityCertificate } from './certificates/build-authority-certificate.ts';
export { type ParsedCertificate, readX509Certificate } from './certificates/certificate.ts';
export { extendedKeyUsageOf } from './certificates/extensions.ts';
export { type CertificateTrust, findPath, type PathVerdict } from './certificates/find-path.ts';
export { verifySignature } from './crypto.ts';
export { type DerElement, readDer, readDerSequence } from './der/der-reader.ts';
export { readExplicitFields } from './der/explicit-fields.ts';
export { readInteger, readSmallInteger } from './der/read-values.ts';
export { contextConstructed, tags } from './der/tags.ts';
export { x509Errors } from './errors.ts';
export { objectIdentifiers } from './object-identifiers.ts';
export { type GeneralName, subjectAltNamesOf } from './path/general-names.ts';
export {
  type PathReason,
  type PathRequirements,
  pathReasons,
  type ValidatedPath,
  validatePath,
} from './path/validate-path.ts';
export { type CompleteRevocationList, readCompleteRevocationList } from './revocation/revocation-list.ts';
export type { RevocationStatement } from './revocation/revocation-statement.ts';
export { encodeStatusRequest } from './revocation/status-request.ts';
export { readStatusResponse } from './revocation/status-response.ts';
export { maxRevocationOctets, type RevocationVerdict, verifyRevocation } from './revocation/verify-revocation.ts';
export type { HashName, SignatureScheme } from './signature-scheme.ts';
export type { SignOctets } from './signing/sign-octets.ts';
export { buildTimeStampToken, type NewTimeStampToken } from './time-stamp/build-time-stamp-token.ts';
export { certificatesInToken } from './time-stamp/certificates-in-token.ts';
export type { MessageImprint } from './time-stamp/message-imprint.ts';
export type { NewTimeStampInfo } from './time-stamp/time-stamp-info.ts';
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
  maxTokenOctets,
  type TimeStampClaim,
  type TimeStampReason,
  type TimeStampTrust,
  type TimeStampVerdict,
  timeStampReasons,
  type VerifiedTimeStamp,
  verifyTimeStampToken,
} from './time-stamp/verify-time-stamp-token.ts';
