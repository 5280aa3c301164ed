import { witnessErrors } from '@countersign/contracts';
import { parseVerifierKey, type VerifierKey } from '@countersign/merkle-log';

/** @param vkeys C2SP verifier keys (Ed25519), named by origin @throws CodedError `log_key_malformed` */
export function parseLogKeys(vkeys: readonly string[]): readonly VerifierKey[] {
  return vkeys.map((vkey) => {
    const parsed = parseVerifierKey(vkey);
    if (!parsed.ok || parsed.key.type !== 'ed25519')
      throw witnessErrors.error(
        'log_key_malformed',
        `${JSON.stringify(vkey.slice(0, 200))} is not the verifier key of a log: <origin>+<id>+<Ed25519 key>, as its operator publishes it.`,
      );
    return parsed.key;
  });
}
