import { errorVocabulary } from '@countersign/kernel';

export const hardwareKeyErrors = errorVocabulary({
  /** The signer does not answer now. Nothing that it may have signed was released. */
  hardware_unavailable: 'unavailable',
  /** The module, the token or the optional package `pkcs11js` cannot be used. */
  hardware_unusable: 'unavailable',
  /** The token refused the PIN, or one wrong PIN more would lock it. */
  hardware_pin_refused: 'unavailable',
  hardware_key_missing: 'unavailable',
  /** Several keys have the label and id of one key. */
  hardware_key_ambiguous: 'conflict',
  /** The key in the token is not the recorded one, or could leave the token. */
  hardware_key_unfit: 'conflict',
  /** The token made a signature that its public key does not verify. */
  hardware_signature_invalid: 'unavailable',
  /** The octets to be signed are not a statement of the key's purpose. */
  statement_refused: 'forbidden',
});

export type HardwareKeyErrorCode = keyof typeof hardwareKeyErrors.codes;

export function isHardwareKeyErrorCode(code: unknown): code is HardwareKeyErrorCode {
  return typeof code === 'string' && Object.hasOwn(hardwareKeyErrors.codes, code);
}
