import { hardwareKeyErrors } from './errors.ts';
import type { SignerSettings, TokenDescription } from './messages.ts';
import { ck, ckr, type Pkcs11, returnValueOf } from './pkcs11-module.ts';

/** @throws CodedError `hardware_unusable` */
export function initialize(pkcs11: Pkcs11): void {
  try {
    // Without this flag, parallel calls corrupt the memory of the module.
    pkcs11.C_Initialize({ flags: ck.osLocking });
  } catch (cause) {
    throw hardwareKeyErrors.error('hardware_unusable', 'The PKCS #11 module cannot be initialized.', { cause });
  }
}

/** The one token with this label or serial number. @throws CodedError `hardware_unusable` */
export function findSlot(
  pkcs11: Pkcs11,
  wanted: SignerSettings['token'],
): { readonly slot: Buffer; readonly description: TokenDescription } {
  const present = pkcs11.C_GetSlotList(true).map((slot) => {
    const { label, serialNumber, manufacturerID, model } = pkcs11.C_GetTokenInfo(slot);
    const description = {
      label: label.trim(),
      serial: serialNumber.trim(),
      manufacturer: manufacturerID.trim(),
      model: model.trim(),
    };
    return { slot, description };
  });
  const [found, ...others] = present.filter(
    ({ description: { label, serial } }) =>
      (wanted.label === undefined || wanted.label === label) &&
      (wanted.serial === undefined || wanted.serial === serial),
  );
  const name = [wanted.label, wanted.serial].filter((each) => each !== undefined).join(', ');
  if (found === undefined)
    throw hardwareKeyErrors.error('hardware_unusable', `No token ${name} is present. Connect it, or correct its name.`);
  if (others.length > 0)
    throw hardwareKeyErrors.error('hardware_unusable', `Several tokens match ${name}. Name the serial number, too.`);
  return found;
}

/** Tries the PIN once, and not at all when a wrong one would lock the token. @throws CodedError `hardware_pin_refused` */
export function logIn(
  pkcs11: Pkcs11,
  { slot, session, pin }: { readonly slot: Buffer; readonly session: Buffer; readonly pin: string },
): void {
  const { flags } = pkcs11.C_GetTokenInfo(slot);
  if ((flags & (ck.pinFinalTry | ck.pinLocked)) !== 0)
    throw hardwareKeyErrors.error(
      'hardware_pin_refused',
      'The token is locked, or one wrong PIN would lock it. Log in once with the tool of its vendor, then start again.',
    );
  try {
    pkcs11.C_Login(session, ck.user, pin);
  } catch (cause) {
    const value = returnValueOf(cause);
    if (value === ckr.userAlreadyLoggedIn) return;
    if (value !== undefined && ckr.pin.has(value))
      throw hardwareKeyErrors.error(
        'hardware_pin_refused',
        'The token refused the PIN. It is not tried again: correct it, and start again.',
        { cause },
      );
    throw cause;
  }
}
