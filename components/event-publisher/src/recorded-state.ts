import { standingErrors } from '@countersign/contracts';
import { type CodedError, decodeBase64Url, type Json, type Random } from '@countersign/kernel';
import { type SealingKey, seal, unseal } from '@countersign/runtime';

/** Encrypts the state of a subscription or stream that a record carries. */
export interface SealedStates {
  /** @param of the name of the thing in the log, to which the ciphertext is bound */
  seal(state: Json, of: string): Json;
  /** @throws CodedError `keystore_locked` if the value was sealed with another key, or for another thing */
  open(carried: Json, of: string): Json;
}

/** Encrypted, because addresses, headers and descriptions may contain the receiver's secrets. */
export function createSealedStates(sealingKey: SealingKey, random: Random): SealedStates {
  const bound = (of: string): string => `state of ${of}`;
  return {
    seal: (state, of) => ({
      sealed: seal(Buffer.from(JSON.stringify(state)), sealingKey, bound(of), random).toString('base64url'),
    }),
    open(carried, of) {
      // A record that this component wrote.
      const { sealed } = carried as { readonly sealed?: string };
      const bytes = decodeBase64Url(sealed ?? '') ?? new Uint8Array();
      return JSON.parse(unseal(bytes, sealingKey, bound(of)).toString('utf8'));
    },
  };
}

/** The error for a row that its newest record does not confirm: such a row sends nothing (docs/adr/0043). */
export function unprovenRow(what: 'subscription' | 'stream', repair: string): CodedError {
  return standingErrors.error(
    'authority_unproven',
    `The stored ${what} differs from its newest record in the audit log, so nothing is sent. ${repair}`,
  );
}
