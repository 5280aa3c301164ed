export { createKeyAgeReminders } from './key-age-reminders.ts';
export {
  deriveGroupKey,
  type GroupKey,
  openKeyEncryptionKey,
  readKeyBytes,
  readKeyEncryptionKey,
  wrapKeyEncryptionKey,
} from './key-encryption-key.ts';
export { listerOf } from './key-lister.ts';
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
export { startToken } from './token.ts';
