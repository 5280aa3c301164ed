import { hkdfSync } from 'node:crypto';
import { CodedError, decodeBase64Url } from '@countersign/kernel';
import { type HardwareKeys, readSecret, type SealingKey } from '@countersign/runtime';
import type { Configuration } from '../configuration/index.ts';
import type { ProcessGroup } from '../process-groups/index.ts';

/** The key with which one group of components encrypts and derives. The key of another group gives no access to it. */
export interface GroupKey {
  /** Encrypts the group's signing keys. */
  readonly sealing: SealingKey;
  /** Derives 32 bytes for one purpose (RFC 5869), the same on every node. */
  derive(
    use:
      | 'dpop-nonce'
      | 'backchannel-ping'
      | 'envelope-reference'
      | 'entry-seal'
      | 'lease-passwords'
      | 'enrolment'
      | `row-seal/${string}`,
  ): Uint8Array;
  /** Encrypts the keys of protected evidence of one region. It cannot decrypt the keys of another region. */
  sealingOf(region: string): SealingKey;
}

/** The master secret of an installation or, in a process of a split installation, the part for its group. */
export interface KeyEncryptionKey {
  /** The key of one group. Asking for another group's key in a process of a split installation is a bug and throws. */
  ofGroup(group: ProcessGroup): GroupKey;
}

/**
 * Reads the configured key: the installation's key, from which each group's key is derived, or the key of this process's group.
 *
 * @throws CodedError `secret_unavailable`, `configuration_invalid`
 */
export function readKeyEncryptionKey({
  keyEncryptionKey,
  process: own,
}: Pick<Configuration, 'keyEncryptionKey' | 'process'>): KeyEncryptionKey {
  return keyEncryptionKeyOf(readKeyBytes(keyEncryptionKey), own);
}

/**
 * As {@link readKeyEncryptionKey}, and decrypts a key that {@link wrapKeyEncryptionKey} has encrypted in the token.
 *
 * @throws CodedError `secret_unavailable`, `configuration_invalid`, those of `hardwareKeyErrors`
 */
export async function openKeyEncryptionKey(
  configuration: Pick<Configuration, 'keyEncryptionKey' | 'process'>,
  hardware: HardwareKeys | undefined,
): Promise<KeyEncryptionKey> {
  const text = readSecret(configuration.keyEncryptionKey);
  if (!text.startsWith(wrappedPrefix)) return readKeyEncryptionKey(configuration);
  if (hardware === undefined)
    throw refused('keyEncryptionKey is encrypted by a key in a token: configure keys.pkcs11 with this token.');
  const wrapped = decodeBase64Url(text.slice(wrappedPrefix.length));
  if (wrapped === undefined) throw refused('keyEncryptionKey is encrypted, but damaged. Restore it from a backup.');
  const bytes = await hardware.decrypt(wrappingLabel, wrapped, wrappingLabel);
  if (bytes.length !== 32) throw refused('keyEncryptionKey is encrypted, but not 32 bytes long.');
  return keyEncryptionKeyOf(bytes, configuration.process);
}

const wrappedPrefix = 'pkcs11:';
const wrappingLabel = 'countersign key-encryption-key';

/** Encrypts a key-encryption key with a key that cannot leave the token. The result takes its place in the configuration. */
export async function wrapKeyEncryptionKey(reference: string, hardware: HardwareKeys): Promise<string> {
  const wrapped = await hardware.encrypt(wrappingLabel, readKeyBytes(reference), wrappingLabel);
  return `${wrappedPrefix}${wrapped.toString('base64url')}`;
}

function keyEncryptionKeyOf(bytes: Uint8Array, own: Configuration['process']): KeyEncryptionKey {
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
  const text = readSecret(reference);
  if (text.startsWith(wrappedPrefix))
    throw refused('keyEncryptionKey is encrypted by a token. This command needs the key itself.');
  const bytes = decodeBase64Url(text);
  if (bytes?.length === 32) return bytes;
  throw refused(
    'keyEncryptionKey must be 32 bytes in base64url, e.g. from: openssl rand 32 | basenc --base64url | tr -d "=".',
  );
}

function refused(detail: string): CodedError {
  return new CodedError({ code: 'configuration_invalid', category: 'invalid', detail });
}

/** Derives the 32 bytes that processes of a group receive: HKDF-SHA-256 (RFC 5869) of the installation's key. */
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
