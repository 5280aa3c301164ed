export * from './keyring.ts';
export type { SealingKey } from './sealing.ts';
