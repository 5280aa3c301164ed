export type { KeyDriver, KeyPlace, SigningContext } from './key-custody.ts';
export type { KeyringAlgorithm } from './key-material.ts';
export { createKeyring, type KeyringCustody, type KeyringOptions, keyringErrors } from './keyring.ts';
export type { KeyPolicy, KeyRecorder, KeyRow, Keyring, KeyringKey, KeyStanding } from './keyring-contract.ts';
export { createRowSeal, type RowSeal } from './row-seal.ts';
export { type SealingKey, seal, unseal } from './sealing.ts';
