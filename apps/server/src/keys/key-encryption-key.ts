import { hkdfSync } from 'node:crypto';
import { CodedError, decodeBase64Url } from '@countersign/kernel';
import { readSecret, type SealingKey } from '@countersign/runtime';
import type { Configuration } from '../configuration/index.ts';
import type { ProcessGroup } from '../process-groups/index.ts';

/** What one group of components seals with and derives. Nothing of it can be made from the key of another group. */
export interface GroupKey {
  /** Seals the group's signing keys. */
  readonly sealing: SealingKey;
  /** 32 bytes for one use and no other (RFC 5869), the same on every node. */
  derive(
    use: 'dpop-nonce' | 'backchannel-ping' | 'envelope-reference' | 'entry-seal' | `row-seal/${string}`,
  ): Uint8Array;
  /** Seals the keys of protected evidence of one region: another region's key opens none of them. */
  sealingOf(region: string): SealingKey;
}

/** The one secret of an installation, or, in a process of its own, what such a process holds of it. */
export interface KeyEncryptionKey {
  /** The part of one group. In a process of its own, asking for another group's is our bug and throws. */
  ofGroup(group: ProcessGroup): GroupKey;
}

/**
 * The key that the configuration names: the installation's, from which the key of each group is derived, or that of the group
 * of the process.
 *
 * @throws CodedError `secret_unavailable`, `configuration_invalid`
 */
export function readKeyEncryptionKey({
  keyEncryptionKey,
  process: own,
}: Pick<Configuration, 'keyEncryptionKey' | 'process'>): KeyEncryptionKey {
  const bytes = readKeyBytes(keyEncryptionKey);
  if (own === undefined) return { ofGroup: (group) => groupKey(deriveGroupKey(bytes, group)) };
  const key = groupKey(bytes);
  return {
    ofGroup(group) {
      if (group !== own.group)
        throw new Error(`a process of the group ${own.group} was asked for the key-encryption key of ${group}`);
      return key;
    },
  };
}

/** @throws CodedError `secret_unavailable`, `configuration_invalid` when it is not 32 bytes in base64url */
export function readKeyBytes(reference: string): Uint8Array {
  const bytes = decodeBase64Url(readSecret(reference));
  if (bytes?.length === 32) return bytes;
  throw new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail:
      'keyEncryptionKey must be 32 bytes in base64url, e.g. from: openssl rand 32 | basenc --base64url | tr -d "=".',
  });
}

/** The 32 bytes that processes of a group are given: HKDF-SHA-256 (RFC 5869) of the installation's key. */
export function deriveGroupKey(installationKey: Uint8Array, group: ProcessGroup): Uint8Array {
  return derive(installationKey, `process/${group}`);
}

function groupKey(bytes: Uint8Array): GroupKey {
  return {
    sealing: { bytes },
    derive: (use) => derive(bytes, use),
    sealingOf: (region) => ({ bytes: derive(bytes, `evidence/${region}`) }),
  };
}

function derive(key: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), info, 32));
}
