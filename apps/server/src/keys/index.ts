export {
  deriveGroupKey,
  type GroupKey,
  openKeyEncryptionKey,
  readKeyBytes,
  readKeyEncryptionKey,
  wrapKeyEncryptionKey,
} from './key-encryption-key.ts';
export { createKeyRecords, type KeyRecords } from './key-records.ts';
export {
  type ComponentKeyPurpose,
  type KeyringDependencies,
  openComponentKeys,
  openLogKeys,
  openTokenKeys,
  type Signers,
  type TokenKeyPurpose,
} from './keys.ts';
export { startToken } from './token.ts';
