import type { CredentialHolderStore } from '../client-keys/index.ts';

/** Holders in memory: the first to claim a credential has it. */
export function memoryCredentialHolders(): CredentialHolderStore {
  const holders = new Map<string, string>();
  return {
    async claim(credential, client) {
      const holder = holders.get(credential) ?? client;
      holders.set(credential, holder);
      return holder;
    },
    async takeOver(credential, from, to) {
      if (holders.get(credential) !== from) return false;
      holders.set(credential, to);
      return true;
    },
  };
}
