export { type ClientKeys, type ClientKeysDependencies, createClientKeys } from './client-keys.ts';
export { type CredentialHolderStore, createCredentialHolderStore } from './credential-holder-store.ts';
export type { KeyAgePolicy } from './key-age.ts';
