export { deriveGroupKey, type GroupKey, readKeyBytes, readKeyEncryptionKey } from './key-encryption-key.ts';
export { createKeyRecords, type KeyRecords } from './key-records.ts';
export {
  type CertificateKeyPurpose,
  type ComponentKeyPurpose,
  type KeyringDependencies,
  openCertificateKeys,
  openComponentKeys,
  openLogKeys,
  openTokenKeys,
  type Signers,
  type TokenKeyPurpose,
} from './keys.ts';
