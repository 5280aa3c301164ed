import { CodedError, isCodedError, type Random, sha256Base64Url } from '@countersign/kernel';
import type { HardwareKeyAttributes, HardwareKeyReference, HardwareKeys } from '../hardware-keys/index.ts';
import { type KeyringAlgorithm, makeKey, openKey, publicHalf, signWith } from './key-material.ts';
import { type SealingKey, seal, unseal } from './sealing.ts';

export type KeyDriver = 'software' | 'pkcs11';

export type KeyPlace =
  | { readonly driver: 'software' }
  | {
      readonly driver: 'pkcs11';
      /** Serial number of the token in which it was made. */
      readonly token: string;
      readonly label: string;
      /** `CKA_ID` in hexadecimal. */
      readonly id: string;
      /** Attributes that the token reported when the key was made. */
      readonly attributes: HardwareKeyAttributes;
    };

/** Facts for a signer that checks what it signs. */
export interface SigningContext {
  /** The record of the decision that led to the signature. */
  readonly record?: string;
  /** The document whose digest is signed, where the signed octets are only a digest. */
  readonly document?: Uint8Array;
}

export interface NewKey {
  readonly kid: string;
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly place: KeyPlace;
  readonly sealedKey: Buffer;
}

export interface OpenedKey {
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly place: KeyPlace;
  sign(data: Uint8Array, context: SigningContext | undefined): Promise<Uint8Array>;
}

interface SealedRow {
  readonly purpose: string;
  readonly kid: string;
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly sealedKey: Buffer;
}

/** Makes and opens keys in software and in a token. Rows hold either the encrypted key, or the encrypted name of it in the token. */
export function createKeyCustody({
  sealingKey,
  hardware,
  random,
}: {
  readonly sealingKey: SealingKey;
  readonly hardware: HardwareKeys | undefined;
  readonly random: Random;
}) {
  const sealed = (purpose: string, kid: string, plain: Uint8Array): Buffer =>
    seal(plain, sealingKey, `${purpose}|${kid}`, random);

  function token(): HardwareKeys {
    if (hardware !== undefined) return hardware;
    throw new CodedError({
      code: 'signing_key_unavailable',
      category: 'unavailable',
      detail:
        'The key is in a token. Configure keys.pkcs11 with this token for as long as the key signs or waits to sign.',
    });
  }

  return {
    /** Makes a key. A key in a token that is not stored afterwards is removed with {@link discard}. */
    async make(purpose: string, algorithm: KeyringAlgorithm, driver: KeyDriver): Promise<NewKey> {
      if (driver === 'software') {
        const { kid, publicJwk, privateDer } = await makeKey(algorithm);
        const sealedKey = sealed(purpose, kid, privateDer);
        privateDer.fill(0);
        return { kid, publicJwk, sealedKey, place: { driver } };
      }
      const made = await token().generate(`countersign ${purpose}`, algorithm);
      const place = { driver, token: made.token, label: made.label, id: made.id, attributes: made.attributes };
      const sealedKey = sealed(purpose, made.kid, Buffer.from(JSON.stringify(place)));
      return { kid: made.kid, publicJwk: made.jwk, sealedKey, place };
    },

    /**
     * Opens a stored key. The public key follows from the sealed content or the kid, because the stored one could be forged.
     *
     * @throws CodedError `keystore_locked`
     */
    open({ purpose, kid, publicJwk, sealedKey }: SealedRow, algorithm: KeyringAlgorithm): OpenedKey {
      const plain = unseal(sealedKey, sealingKey, `${purpose}|${kid}`);
      const place = placeIn(plain);
      if (place === undefined) {
        const privateKey = openKey(plain);
        return {
          publicJwk: publicHalf(privateKey),
          place: { driver: 'software' },
          sign: (data) => signWith(privateKey, algorithm, data),
        };
      }
      const jwk = Object.fromEntries(Object.entries(publicJwk).sort(([one], [other]) => (one < other ? -1 : 1)));
      if (sha256Base64Url(JSON.stringify(jwk)) !== kid)
        throw new CodedError({
          code: 'keystore_locked',
          category: 'unavailable',
          detail: `The stored public key of ${kid} is not the key of this name. Restore the row from a backup.`,
        });
      return {
        publicJwk: jwk,
        place,
        sign: (data, { document, record } = {}) =>
          token().sign(place, { purpose, kid, algorithm, data, document, record }),
      };
    },

    /**
     * Checks that the token has exactly this key, with its recorded public key and attributes. Software keys need no check.
     *
     * @throws CodedError of `hardwareKeyErrors`
     */
    async check(kid: string, place: KeyPlace, algorithm: KeyringAlgorithm): Promise<void> {
      if (place.driver === 'software') return;
      const found = await token().find(place, algorithm);
      if (found.kid !== kid)
        throw new CodedError({
          code: 'hardware_key_unfit',
          category: 'conflict',
          detail: `The key ${place.label} ${place.id} in the token is not the recorded key ${kid}. Connect the token that has it.`,
        });
    },

    /** Removes a new key that was not stored. What cannot be removed stays in the token unused. */
    async discard({ place }: NewKey): Promise<void> {
      if (place.driver === 'software') return;
      try {
        await token().destroy(place);
      } catch (error) {
        if (!isCodedError(error)) throw error;
      }
    },
  };
}

/** A key in PKCS #8 starts with the octet of a SEQUENCE, the name of a key in a token with that of an opening brace. */
function placeIn(plain: Buffer): (KeyPlace & { readonly driver: 'pkcs11' } & HardwareKeyReference) | undefined {
  if (plain[0] !== 0x7b) return undefined;
  // Written by `make` above and authenticated by the seal.
  return JSON.parse(plain.toString('utf8')) as KeyPlace & { readonly driver: 'pkcs11' };
}
