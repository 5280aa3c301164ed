import type { Random } from '@countersign/kernel';
import { type KeyringCustody, type Logger, type Metrics, startHardwareKeys, workerFile } from '@countersign/runtime';
import type { Configuration } from '../configuration/index.ts';

/**
 * Where this process keeps its keys. Starts the signer and opens the token if `keys.pkcs11` is configured.
 *
 * @throws CodedError of `hardwareKeyErrors`, `secret_unavailable`
 */
export async function startToken(
  { keys, issuer, logOrigin }: Pick<Configuration, 'keys' | 'issuer' | 'logOrigin'>,
  dependencies: { readonly logger: Logger; readonly metrics?: Metrics; readonly random: Random },
): Promise<KeyringCustody> {
  const { pkcs11, driver, drivers = {}, replaceLost = [], moveAtRotation = [] } = keys;
  const hardware =
    pkcs11 === undefined
      ? undefined
      : await startHardwareKeys({
          settings: pkcs11,
          statements: workerFile(import.meta.url, './statements.ts'),
          statementFacts: { issuer, logOrigin },
          ...dependencies,
        });
  const byPurpose = new Map(Object.entries(drivers));
  return { hardware, replaceLost, moveAtRotation, driverOf: (purpose) => byPurpose.get(purpose) ?? driver };
}
