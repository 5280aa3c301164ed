import { hkdfSync } from 'node:crypto';
import { CodedError, decodeBase64Url } from '@countersign/kernel';
import { readSecret, type SealingKey } from '@countersign/runtime';

/** The one secret that every node is given: signing keys are sealed with it, and shared secrets derived from it. */
export interface KeyEncryptionKey {
  readonly sealing: SealingKey;
  /** 32 bytes for one use and no other (RFC 5869), the same on every node. */
  derive(
    use: 'dpop-nonce' | 'backchannel-ping' | 'envelope-reference' | 'entry-seal' | `row-seal/${string}`,
  ): Uint8Array;
  /** Seals the keys of protected evidence of one region: another region's key opens none of them. */
  sealingOf(region: string): SealingKey;
}

/** @throws CodedError `secret_unavailable`, `configuration_invalid` */
export function readKeyEncryptionKey(reference: string): KeyEncryptionKey {
  const bytes = decodeBase64Url(readSecret(reference));
  if (bytes?.length !== 32)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail:
        'keyEncryptionKey must be 32 bytes in base64url, e.g. from: openssl rand 32 | basenc --base64url | tr -d "=".',
    });
  const derived = (info: string) => new Uint8Array(hkdfSync('sha256', bytes, new Uint8Array(), info, 32));
  return {
    sealing: { bytes },
    derive: derived,
    sealingOf: (region) => ({ bytes: derived(`evidence/${region}`) }),
  };
}
