export { readAccountBinding, type UnverifiedBinding, verifyAccountBinding } from './account-binding.ts';
export { type AccountKey, importAccountKey, publicKeyDigest } from './account-keys.ts';
export {
  type CertificateIdentifier,
  readCertificateIdentifier,
  writeCertificateIdentifier,
} from './certificate-identifier.ts';
export { type AcmeErrorCode, acmeErrors } from './errors.ts';
export { maxRequestLength } from './flattened-jws.ts';
export { readKeyChange } from './key-change.ts';
export {
  type Identifier,
  identifierTypes,
  maxIdentifiers,
  type NewAccountPayload,
  type NewOrderPayload,
  type RevocationPayload,
  readAccountUpdate,
  readFinalization,
  readNewAccount,
  readNewOrder,
  readRevocation,
  requireNoPayload,
} from './payloads.ts';
export { type AcmeProblem, problemOfError } from './problems.ts';
export { createReplayNonces, type ReplayNonces } from './replay-nonces.ts';
export {
  type AccountRequest,
  type KeyedRequest,
  readSignedRequest,
  type UnverifiedRequest,
  type VerifiedRequest,
  verifySignedRequest,
} from './signed-request.ts';
