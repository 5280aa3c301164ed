import { createRequire } from 'node:module';
import { hardwareKeyErrors } from './errors.ts';

/** A template entry of PKCS #11. */
export interface Attribute {
  readonly type: number;
  readonly value?: Buffer | number | boolean | string;
}

export interface Mechanism {
  readonly mechanism: number;
  readonly parameter?: Buffer | Readonly<Record<string, unknown>>;
}

/** The part of `pkcs11js` that the signer uses. Declared here, because the package is optional. */
export interface Pkcs11 {
  load(library: string): void;
  C_Initialize(options: { readonly flags: number }): void;
  C_Finalize(): void;
  C_GetSlotList(withToken: boolean): Buffer[];
  C_GetTokenInfo(slot: Buffer): {
    readonly label: string;
    readonly manufacturerID: string;
    readonly model: string;
    readonly serialNumber: string;
    readonly flags: number;
  };
  C_OpenSession(slot: Buffer, flags: number): Buffer;
  C_CloseSession(session: Buffer): void;
  C_Login(session: Buffer, user: number, pin: string): void;
  C_FindObjectsInit(session: Buffer, template: readonly Attribute[]): void;
  C_FindObjects(session: Buffer, most: number): Buffer[];
  C_FindObjectsFinal(session: Buffer): void;
  C_GetAttributeValue(
    session: Buffer,
    object: Buffer,
    template: readonly Attribute[],
  ): { readonly type: number; readonly value: Buffer }[];
  C_GenerateKey(session: Buffer, mechanism: Mechanism, template: readonly Attribute[]): Buffer;
  C_GenerateKeyPairAsync(
    session: Buffer,
    mechanism: Mechanism,
    publicTemplate: readonly Attribute[],
    privateTemplate: readonly Attribute[],
  ): Promise<{ readonly publicKey: Buffer; readonly privateKey: Buffer }>;
  C_DestroyObject(session: Buffer, object: Buffer): void;
  C_SignInit(session: Buffer, mechanism: Mechanism, key: Buffer): void;
  C_Sign(session: Buffer, data: Buffer, room: Buffer): Buffer;
  C_SignAsync(session: Buffer, data: Buffer, room: Buffer): Promise<Buffer>;
  C_EncryptInit(session: Buffer, mechanism: Mechanism, key: Buffer): void;
  C_Encrypt(session: Buffer, data: Buffer, room: Buffer): Buffer;
  C_DecryptInit(session: Buffer, mechanism: Mechanism, key: Buffer): void;
  C_Decrypt(session: Buffer, data: Buffer, room: Buffer): Buffer;
}

/** Numbers of PKCS #11 2.40 and 3.0. */
export const ck = {
  osLocking: 2,
  serialSession: 4,
  readWrite: 2,
  user: 1,
  contextSpecific: 2,
  pinFinalTry: 0x20000,
  pinLocked: 0x40000,
  attribute: {
    class: 0x0,
    token: 0x1,
    private: 0x2,
    label: 0x3,
    value: 0x11,
    certificateType: 0x80,
    keyType: 0x100,
    id: 0x102,
    sensitive: 0x103,
    encrypt: 0x104,
    decrypt: 0x105,
    wrap: 0x106,
    unwrap: 0x107,
    sign: 0x108,
    verify: 0x10a,
    derive: 0x10c,
    modulus: 0x120,
    modulusBits: 0x121,
    publicExponent: 0x122,
    valueLength: 0x161,
    extractable: 0x162,
    local: 0x163,
    neverExtractable: 0x164,
    alwaysSensitive: 0x165,
    alwaysAuthenticate: 0x202,
    ecParameters: 0x180,
    ecPoint: 0x181,
  },
  object: { certificate: 1, publicKey: 2, privateKey: 3, secretKey: 4 },
  keyType: { rsa: 0, ec: 3, aes: 0x1f, edwards: 0x40 },
  mechanism: {
    rsaKeyPair: 0x0,
    rsaPkcs1Sha256: 0x40,
    rsaPssSha256: 0x43,
    sha256: 0x250,
    ecKeyPair: 0x1040,
    ecdsa: 0x1041,
    edwardsKeyPair: 0x1055,
    eddsa: 0x1057,
    aesKey: 0x1080,
    aesGcm: 0x1087,
  },
  mgf1Sha256: 2,
  /** `CKC_X_509`. */
  x509: 0,
} as const;

/** Return values of PKCS #11 that are handled. */
export const ckr = {
  pin: new Set([0xa0, 0xa1, 0xa3, 0xa4]),
  userAlreadyLoggedIn: 0x100,
  userNotLoggedIn: 0x101,
  /** Failures of memory, device, handle, session, token or login after which only a module that is loaded anew goes on. */
  lost: new Set([0x2, 0x5, 0x6, 0x30, 0x31, 0x32, 0x60, 0x82, 0xb0, 0xb3, 0xe0, 0xe1, 0x101, 0x190]),
} as const;

/** The return value of PKCS #11 in an error of the module, or undefined. */
export function returnValueOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'number' ? error.code : undefined;
}

export interface LoadedModule {
  readonly pkcs11: Pkcs11;
  readonly parameterTypes: { readonly pss: number; readonly gcm: number };
}

/** Loads the optional package and the vendor's module. @throws CodedError `hardware_unusable` */
export function loadModule(library: string): LoadedModule {
  let package_: { PKCS11: new () => Pkcs11; CK_PARAMS_RSA_PSS: number; CK_PARAMS_AES_GCM_v240: number };
  try {
    // The package is untyped here, because it may be absent; `Pkcs11` above declares what is used of it.
    package_ = createRequire(import.meta.url)('pkcs11js') as typeof package_;
  } catch (cause) {
    throw hardwareKeyErrors.error(
      'hardware_unusable',
      'The optional package pkcs11js is not installed. Install gcc, make and python3, then run npm ci again.',
      { cause },
    );
  }
  const pkcs11 = new package_.PKCS11();
  try {
    pkcs11.load(library);
  } catch (cause) {
    throw hardwareKeyErrors.error('hardware_unusable', `The PKCS #11 module ${library} cannot be loaded.`, { cause });
  }
  return { pkcs11, parameterTypes: { pss: package_.CK_PARAMS_RSA_PSS, gcm: package_.CK_PARAMS_AES_GCM_v240 } };
}
