import { readSecret } from '../configuration/index.ts';
import {
  checkedSignature,
  type HardwareAlgorithm,
  importPublicKey,
  publicAttributesOf,
  publicJwkOf,
  signingOf,
} from './algorithms.ts';
import { hardwareKeyErrors } from './errors.ts';
import { type Attribute, ck, loadModule } from './pkcs11-module.ts';
import { findSlot, initialize, logIn } from './slot.ts';

export interface SmartCardSettings {
  /** Path of the PKCS #11 module, e.g. that of OpenSC. */
  readonly module: string;
  readonly token: { readonly label?: string; readonly serial?: string };
  /** Reference of the PIN (`file:` or `env:`). */
  readonly pin: string;
}

export interface CardCertificate {
  /** `CKA_ID` in hexadecimal; the key has the same. */
  readonly id: string;
  readonly der: Uint8Array;
}

export interface CardKey {
  readonly algorithm: HardwareAlgorithm;
  readonly jwk: Readonly<Record<string, string>>;
  /** A signature in JOSE form, verified. @throws CodedError of `hardwareKeyErrors` */
  sign(data: Uint8Array): Uint8Array;
}

/** The card or token of one person, used by a command that ends soon. The module runs in this process. */
export interface SmartCard {
  readonly label: string;
  readonly serial: string;
  certificates(): readonly CardCertificate[];
  /** @throws CodedError `hardware_key_missing`, `hardware_key_ambiguous`, `hardware_key_unfit` */
  key(id: string): CardKey;
  close(): void;
}

const mostObjects = 64;

/**
 * Opens a card and logs in. The PIN is tried once, and not at all if one wrong PIN would lock the card.
 *
 * @throws CodedError `hardware_unusable`, `hardware_pin_refused`, `secret_unavailable`
 */
export function openSmartCard({ module, token, pin: reference }: SmartCardSettings): SmartCard {
  const pin = readSecret(reference);
  const { pkcs11, parameterTypes } = loadModule(module);
  initialize(pkcs11);
  const { slot, description } = findSlot(pkcs11, token);
  const session = pkcs11.C_OpenSession(slot, ck.serialSession);
  logIn(pkcs11, { slot, session, pin });

  function search(template: readonly Attribute[]): readonly Buffer[] {
    pkcs11.C_FindObjectsInit(session, template);
    try {
      return pkcs11.C_FindObjects(session, mostObjects);
    } finally {
      pkcs11.C_FindObjectsFinal(session);
    }
  }

  function read(object: Buffer, ...types: readonly number[]): readonly Buffer[] {
    const template = types.map((type) => ({ type }));
    return pkcs11.C_GetAttributeValue(session, object, template).map(({ value }) => value);
  }

  function only(objectClass: number, id: string): Buffer {
    const { attribute } = ck;
    const [first, ...others] = search([
      { type: attribute.class, value: objectClass },
      { type: attribute.id, value: Buffer.from(id, 'hex') },
    ]);
    if (first === undefined)
      throw hardwareKeyErrors.error('hardware_key_missing', `The card has no key with the id ${id}.`);
    if (others.length > 0)
      throw hardwareKeyErrors.error('hardware_key_ambiguous', `The card has several keys with the id ${id}.`);
    return first;
  }

  /** PIV asks for the PIN at each signature of its signature key. */
  function asksEachTime(key: Buffer): boolean {
    try {
      return read(key, ck.attribute.alwaysAuthenticate)[0]?.[0] === 1;
    } catch {
      // A module without this attribute asks once.
      return false;
    }
  }

  return {
    label: description.label,
    serial: description.serial,
    certificates() {
      const { attribute } = ck;
      const found = search([
        { type: attribute.class, value: ck.object.certificate },
        { type: attribute.certificateType, value: ck.x509 },
      ]);
      return found.map((object) => {
        const [id, der] = read(object, attribute.id, attribute.value);
        return { id: id?.toString('hex') ?? '', der: der ?? Buffer.alloc(0) };
      });
    },
    key(id) {
      const privateKey = only(ck.object.privateKey, id);
      const publicKey = only(ck.object.publicKey, id);
      const algorithm = algorithmOf(read(publicKey, ck.attribute.keyType)[0]);
      const jwk = publicJwkOf(algorithm, read(publicKey, ...publicAttributesOf(algorithm).map(({ type }) => type)));
      const verifier = importPublicKey(jwk);
      const again = asksEachTime(privateKey);
      return {
        algorithm,
        jwk,
        sign(data) {
          const { mechanism, input, room } = signingOf(algorithm, data, parameterTypes.pss);
          pkcs11.C_SignInit(session, mechanism, privateKey);
          if (again) pkcs11.C_Login(session, ck.contextSpecific, pin);
          return checkedSignature(algorithm, verifier, data, pkcs11.C_Sign(session, input, Buffer.alloc(room)));
        },
      };
    },
    close: () => pkcs11.C_Finalize(),
  };
}

function algorithmOf(keyType: Buffer | undefined): HardwareAlgorithm {
  // An unsigned long of the machine.
  const number = keyType?.length === 8 ? Number(keyType.readBigUInt64LE()) : keyType?.readUInt32LE();
  switch (number) {
    case ck.keyType.ec:
      return 'ES256';
    case ck.keyType.edwards:
      return 'EdDSA';
    case ck.keyType.rsa:
      return 'PS256';
    default:
      throw hardwareKeyErrors.error('hardware_key_unfit', 'The key of the card is none of P-256, Ed25519 and RSA.');
  }
}
