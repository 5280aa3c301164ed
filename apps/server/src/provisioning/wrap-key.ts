import { resolve } from 'node:path';
import { CodedError, systemRandom } from '@countersign/kernel';
import { createFileDurably, createLogger, type HardwareKeys, startHardwareKeys } from '@countersign/runtime';
import { readConfigurationFile } from '../configuration/index.ts';
import { wrapKeyEncryptionKey } from '../keys/index.ts';

export interface ConfiguredToken {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
}

/**
 * Opens the configured token with its PIN.
 *
 * @throws CodedError `configuration_invalid` without keys.pkcs11, and those of `hardwareKeyErrors`
 */
export function describeToken(configurationFile: string): Promise<ConfiguredToken> {
  return withToken(configurationFile, async (token) => token.token());
}

/**
 * Encrypts the key-encryption key of a configuration with a key of the token and writes the result to a new file.
 *
 * @throws CodedError `file_exists`, `configuration_invalid`, `secret_unavailable`, and those of `hardwareKeyErrors`
 */
export function wrapConfiguredKey(configurationFile: string, out: string): Promise<ConfiguredToken> {
  return withToken(configurationFile, async (token, { keyEncryptionKey }) => {
    const wrapped = await wrapKeyEncryptionKey(keyEncryptionKey, token);
    if (!createFileDurably(resolve(out), `${wrapped}\n`, 0o600))
      throw new CodedError({
        code: 'file_exists',
        category: 'conflict',
        detail: `${out} exists already. Nothing is overwritten: name another file.`,
      });
    return token.token();
  });
}

async function withToken<Result>(
  configurationFile: string,
  work: (token: HardwareKeys, configuration: ReturnType<typeof readConfigurationFile>) => Promise<Result>,
): Promise<Result> {
  const configuration = readConfigurationFile(configurationFile);
  const { pkcs11 } = configuration.keys;
  if (pkcs11 === undefined)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: 'keys.pkcs11 is missing: name the module, the token and the PIN.',
    });
  const logger = createLogger({ level: 'error', name: 'countersign' });
  const token = await startHardwareKeys({ settings: pkcs11, logger, random: systemRandom });
  try {
    return await work(token, configuration);
  } finally {
    await token.stop();
  }
}
