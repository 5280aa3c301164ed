import { randomBytes } from 'node:crypto';
import {
  checkedSignature,
  type HardwareAlgorithm,
  importPublicKey,
  keyPairOf,
  publicAttributesOf,
  publicJwkOf,
  signingOf,
} from './algorithms.ts';
import { hardwareKeyErrors } from './errors.ts';
import type { FoundKey, HardwareKeyAttributes, SignerSettings } from './messages.ts';
import { type Attribute, ck, ckr, type LoadedModule, type Pkcs11, returnValueOf } from './pkcs11-module.ts';
import { createSessionPool } from './session-pool.ts';
import { findSlot, initialize, logIn } from './slot.ts';

/** Longer than a token needs for an RSA key. */
const generationTimeoutMs = 60_000;

export interface KeyName {
  readonly label: string;
  /** `CKA_ID` in hexadecimal. */
  readonly id: string;
}

export interface OpenKey extends FoundKey {
  sign(data: Uint8Array): Promise<Uint8Array>;
}

export type Token = ReturnType<typeof openToken>;

/**
 * Opens the token, logs in once and opens all sessions.
 *
 * @throws CodedError `hardware_unusable`, `hardware_pin_refused`, `hardware_unavailable`
 */
export function openToken(
  { pkcs11, parameterTypes }: LoadedModule,
  settings: Pick<SignerSettings, 'token' | 'sessions' | 'callTimeoutMs'>,
  pin: string,
) {
  initialize(pkcs11);
  const { slot, description } = findSlot(pkcs11, settings.token);
  const open = (): Buffer => pkcs11.C_OpenSession(slot, ck.serialSession | ck.readWrite);
  // Searches and changes of objects are rare and take turns on this session.
  const desk = open();
  logIn(pkcs11, { slot, session: desk, pin });
  const pool = createSessionPool({
    size: settings.sessions,
    timeoutMs: settings.callTimeoutMs,
    open,
    close: (session) => pkcs11.C_CloseSession(session),
  });

  /** Another application cannot log out this one, but a token that lost power can. One new login, and one new attempt. */
  async function loggedIn<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (returnValueOf(error) !== ckr.userNotLoggedIn) throw error;
      logIn(pkcs11, { slot, session: desk, pin });
      return work();
    }
  }

  function search(template: readonly Attribute[]): readonly Buffer[] {
    pkcs11.C_FindObjectsInit(desk, template);
    try {
      return pkcs11.C_FindObjects(desk, 10);
    } finally {
      pkcs11.C_FindObjectsFinal(desk);
    }
  }

  function only({ label, id }: KeyName, objectClass: number): Buffer {
    const { attribute } = ck;
    const [first, ...others] = search([
      { type: attribute.class, value: objectClass },
      { type: attribute.label, value: label },
      { type: attribute.id, value: Buffer.from(id, 'hex') },
    ]);
    if (first === undefined)
      throw hardwareKeyErrors.error(
        'hardware_key_missing',
        `The token ${description.label} has no key with the label ${label} and the id ${id}. Restore it from the token's backup, or connect the token that has it.`,
      );
    if (others.length > 0)
      throw hardwareKeyErrors.error(
        'hardware_key_ambiguous',
        `The token ${description.label} has several keys with the label ${label} and the id ${id}. Find out who made the other one, and remove it.`,
      );
    return first;
  }

  function describe({ label, id }: KeyName, algorithm: HardwareAlgorithm): OpenKey {
    const handle = only({ label, id }, ck.object.privateKey);
    const publicKey = only({ label, id }, ck.object.publicKey);
    const octets = pkcs11.C_GetAttributeValue(desk, publicKey, publicAttributesOf(algorithm));
    const jwk = publicJwkOf(
      algorithm,
      octets.map(({ value }) => value),
    );
    const attributes = readAttributes(pkcs11, desk, handle);
    requireFit({ label, id }, attributes);
    return { ...{ label, id, jwk, attributes }, sign: signWith(handle, algorithm, jwk) };
  }

  function signWith(handle: Buffer, algorithm: HardwareAlgorithm, jwk: FoundKey['jwk']): OpenKey['sign'] {
    const verifier = importPublicKey(jwk);
    return async (data) => {
      const { mechanism, input, room } = signingOf(algorithm, data, parameterTypes.pss);
      const signature = await loggedIn(() =>
        pool.use(async (session) => {
          pkcs11.C_SignInit(session, mechanism, handle);
          return pkcs11.C_SignAsync(session, input, Buffer.alloc(room));
        }),
      );
      return checkedSignature(algorithm, verifier, data, signature);
    };
  }

  /** A key pair that ends with this process. */
  async function makeCanary(): Promise<OpenKey['sign']> {
    const { mechanism, template } = keyPairOf('ES256');
    const session = open();
    const label = { type: ck.attribute.label, value: 'countersign canary' };
    const pair = await pkcs11.C_GenerateKeyPairAsync(
      session,
      mechanism,
      [label, ...template, { type: ck.attribute.verify, value: true }],
      [label, { type: ck.attribute.sign, value: true }, { type: ck.attribute.sensitive, value: true }],
    );
    const octets = pkcs11.C_GetAttributeValue(session, pair.publicKey, publicAttributesOf('ES256'));
    const jwk = publicJwkOf(
      'ES256',
      octets.map(({ value }) => value),
    );
    return signWith(pair.privateKey, 'ES256', jwk);
  }
  let canary: Promise<OpenKey['sign']> | undefined;

  function secretKeyOf(label: string): Buffer {
    const { attribute, object } = ck;
    const template = [
      { type: attribute.class, value: object.secretKey },
      { type: attribute.label, value: label },
    ];
    const [first, ...others] = search(template);
    if (others.length > 0)
      throw hardwareKeyErrors.error('hardware_key_ambiguous', `The token has several keys with the label ${label}.`);
    if (first !== undefined) return first;
    return pkcs11.C_GenerateKey(desk, { mechanism: ck.mechanism.aesKey }, [
      ...template,
      { type: attribute.keyType, value: ck.keyType.aes },
      { type: attribute.valueLength, value: 32 },
      { type: attribute.token, value: true },
      { type: attribute.private, value: true },
      { type: attribute.sensitive, value: true },
      { type: attribute.extractable, value: false },
      { type: attribute.encrypt, value: true },
      { type: attribute.decrypt, value: true },
    ]);
  }

  const gcm = (nonce: Buffer, bound: string) => ({
    mechanism: ck.mechanism.aesGcm,
    parameter: { type: parameterTypes.gcm, iv: nonce, ivBits: 96, aad: Buffer.from(bound), tagBits: 128 },
  });

  return {
    description,
    stuckSessions: () => pool.stuck(),
    find: (name: KeyName, algorithm: HardwareAlgorithm) => loggedIn(async () => describe(name, algorithm)),
    /** Generates a key pair that signs, and whose private key cannot leave the token. */
    async generate(label: string, algorithm: HardwareAlgorithm): Promise<OpenKey> {
      const { attribute } = ck;
      const { mechanism, keyType, template } = keyPairOf(algorithm);
      const id = randomBytes(16);
      const common = [
        { type: attribute.label, value: label },
        { type: attribute.id, value: id },
        { type: attribute.keyType, value: keyType },
        { type: attribute.token, value: true },
      ];
      await loggedIn(() =>
        pool.use(
          (session) =>
            pkcs11.C_GenerateKeyPairAsync(
              session,
              mechanism,
              [...common, ...template, { type: attribute.verify, value: true }],
              [
                ...common,
                { type: attribute.private, value: true },
                { type: attribute.sensitive, value: true },
                { type: attribute.extractable, value: false },
                { type: attribute.sign, value: true },
                { type: attribute.decrypt, value: false },
                { type: attribute.unwrap, value: false },
                { type: attribute.derive, value: false },
              ],
            ),
          generationTimeoutMs,
        ),
      );
      return describe({ label, id: id.toString('hex') }, algorithm);
    },
    async destroy(name: KeyName): Promise<void> {
      for (const objectClass of [ck.object.privateKey, ck.object.publicKey])
        pkcs11.C_DestroyObject(desk, only(name, objectClass));
    },
    /** AES-256-GCM with a key that the token makes at the first use: nonce, ciphertext, tag. */
    async encrypt(label: string, data: Uint8Array, bound: string): Promise<Buffer> {
      return loggedIn(async () => {
        const nonce = randomBytes(12);
        pkcs11.C_EncryptInit(desk, gcm(nonce, bound), secretKeyOf(label));
        return Buffer.concat([nonce, pkcs11.C_Encrypt(desk, Buffer.from(data), Buffer.alloc(data.length + 16))]);
      });
    },
    async decrypt(label: string, data: Buffer, bound: string): Promise<Buffer> {
      return loggedIn(async () => {
        pkcs11.C_DecryptInit(desk, gcm(data.subarray(0, 12), bound), secretKeyOf(label));
        return pkcs11.C_Decrypt(desk, data.subarray(12), Buffer.alloc(data.length));
      });
    },
    /** Asks for the token and makes a signature. @throws when the token would not sign for others either */
    async tryCanary(): Promise<void> {
      pkcs11.C_GetTokenInfo(slot);
      canary ??= makeCanary();
      await (await canary)(randomBytes(32));
    },
    close: () => pkcs11.C_Finalize(),
  };
}

function readAttributes(pkcs11: Pkcs11, session: Buffer, key: Buffer): HardwareKeyAttributes {
  const { attribute } = ck;
  const holds = (type: number): boolean => {
    try {
      const [read] = pkcs11.C_GetAttributeValue(session, key, [{ type }]);
      return read?.value[0] === 1;
    } catch {
      // A module without this attribute does not promise it.
      return false;
    }
  };
  return {
    sensitive: holds(attribute.sensitive),
    always_sensitive: holds(attribute.alwaysSensitive),
    extractable: holds(attribute.extractable),
    never_extractable: holds(attribute.neverExtractable),
    local: holds(attribute.local),
    sign: holds(attribute.sign),
    decrypt: holds(attribute.decrypt),
    unwrap: holds(attribute.unwrap),
    derive: holds(attribute.derive),
  };
}

/** The attributes of a key that signs, was made in the token, and can never leave it. */
const required: HardwareKeyAttributes = {
  sensitive: true,
  always_sensitive: true,
  extractable: false,
  never_extractable: true,
  local: true,
  sign: true,
  decrypt: false,
  unwrap: false,
  derive: false,
};

function requireFit({ label, id }: KeyName, read: HardwareKeyAttributes): void {
  const wrong = Object.entries(required).flatMap(([name, value]) =>
    Reflect.get(read, name) === value ? [] : [`${name} is ${String(!value)}`],
  );
  if (wrong.length > 0)
    throw hardwareKeyErrors.error(
      'hardware_key_unfit',
      `The key with the label ${label} and the id ${id} is not confined to its token (${wrong.join(', ')}). Only keys that Countersign makes are used.`,
    );
}
