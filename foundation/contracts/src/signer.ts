import { errorVocabulary, type RecordId } from '@countersign/kernel';

/**
 * Each purpose has its own keys: a key that signs tokens never signs checkpoints.
 * `id-token`: messages to clients (ID tokens, logout tokens, JARM, signed introspection, revocation lists); `id-token-ps256`,
 * `id-token-rs256`: ID tokens and logout tokens of clients registered for these algorithms; `transaction-token`: transaction
 * tokens, and JWT grants and client assertions for other servers; `policy-bundle`: activated policies; `mandate`: versions of
 * mandates; `envelope`: identity envelopes; `event`: events for subscribers; `security-event`: security event tokens (RFC 8417);
 * `time-stamp`: time-stamp tokens (RFC 3161); `certificate-...`: certificates and revocation lists of one class of issuing authority;
 * `certificate-status`: OCSP answers (RFC 6960); `workload-token`: JWT-SVIDs (SPIFFE).
 */
export const keyPurposes = [
  'access-token',
  'id-token',
  'id-token-ps256',
  'id-token-rs256',
  'transaction-token',
  'log-checkpoint',
  'policy-bundle',
  'mandate',
  'envelope',
  'event',
  'security-event',
  'time-stamp',
  'certificate-workload',
  'certificate-person',
  'certificate-device',
  'certificate-partner',
  'certificate-service',
  'certificate-status',
  'workload-token',
] as const;
export type KeyPurpose = (typeof keyPurposes)[number];

export type SignatureAlgorithm = 'ES256' | 'EdDSA' | 'PS256' | 'RS256';

/**
 * `published`: in the key set but unused, so that every verifier has it before the first signature; `active`: signs; `retiring`:
 * verifies existing signatures until the last of them has expired.
 */
export type KeyState = 'published' | 'active' | 'retiring';

export interface PublicKey {
  /** RFC 7638 thumbprint of the key. */
  readonly kid: string;
  readonly algorithm: SignatureAlgorithm;
  readonly purpose: KeyPurpose;
  readonly state: KeyState;
  readonly jwk: Readonly<Record<string, string>>;
}

export interface Signature {
  readonly kid: string;
  readonly algorithm: SignatureAlgorithm;
  /** JOSE form: raw r‖s for ES256, 64 bytes for EdDSA, the octets of RSA for PS256 and RS256. */
  readonly signature: Uint8Array;
}

export const signerErrors = errorVocabulary({
  signing_key_unavailable: 'unavailable',
  signing_key_unknown: 'not-found',
  keystore_locked: 'unavailable',
});

/** Facts for a signer that checks what it signs. */
export interface SigningContext {
  /** The record of the decision that led to the signature. */
  readonly record?: RecordId;
  /** The document whose digest is signed, where the signed octets are only a digest. */
  readonly document?: Uint8Array;
}

/** Named keys whose private part never leaves the signer, in software or in a token (PKCS #11). */
export interface Signer {
  /** The key that {@link sign} would use now. A JWS header names it, so it is needed before signing. */
  current(purpose: KeyPurpose): Promise<PublicKey>;
  /** Signs with the named key, which must belong to this purpose and be allowed to sign. */
  sign(purpose: KeyPurpose, kid: string, data: Uint8Array, context?: SigningContext): Promise<Signature>;
  /** All keys that verifiers may need: published, active and retiring. */
  publicKeys(purpose: KeyPurpose): Promise<readonly PublicKey[]>;
  /**
   * Publishes and returns a successor. It becomes active after the publication lead; the present key then retires after the
   * longest lifetime of anything it signed.
   *
   * @param record makes the successor's record durable before publication; if it throws, nothing is published
   */
  rotate(purpose: KeyPurpose, record?: (successor: PublicKey) => Promise<void>): Promise<PublicKey>;
  /**
   * Withdraws a compromised key. It leaves the key set at once and no longer signs or verifies anything, so its existing
   * signatures become invalid. A successor is active immediately, without the publication lead.
   *
   * @param record makes withdrawal and successor durable before anything changes; if it throws, nothing changes
   * @throws CodedError `signing_key_unknown` when this purpose has no such key
   */
  withdraw(
    purpose: KeyPurpose,
    kid: string,
    record?: (withdrawn: PublicKey, successor: PublicKey) => Promise<void>,
  ): Promise<PublicKey>;
}

/** A signing key as listed for key administrators. */
export interface ListedKey extends PublicKey {
  /** Milliseconds since the epoch. */
  readonly publishedAt: number;
  readonly activeFrom: number;
  readonly place: KeyPlace;
}

export interface KeyPlace {
  readonly driver: 'software' | 'pkcs11';
  /** Serial number of the token in which the key was made. */
  readonly token?: string;
  readonly label?: string;
  /** `CKA_ID` in hexadecimal. */
  readonly id?: string;
}

/** Lists the signing keys of one process, for the process that shows all of them. */
export interface KeyLister {
  /** Keys that verifiers may need: published, active and retiring. */
  listKeys(): Promise<readonly ListedKey[]>;
}
