import { errorVocabulary } from '@countersign/kernel';

/**
 * One purpose, one set of keys: a key that signs tokens never signs checkpoints.
 *
 * `id-token`: what is said to clients (ID tokens, logout tokens, JARM, signed introspection, revocation lists);
 * `id-token-ps256`, `id-token-rs256`: ID tokens and logout tokens of clients that are registered for these algorithms;
 * `transaction-token`: transaction tokens, and JWT grants and client assertions for other servers; `policy-bundle`: activated policies;
 * `mandate`: versions of mandates; `envelope`: identity envelopes; `event`: events that are sent to subscribers;
 * `security-event`: security event tokens (RFC 8417); `time-stamp`: time-stamp tokens (RFC 3161).
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
] as const;
export type KeyPurpose = (typeof keyPurposes)[number];

export type SignatureAlgorithm = 'ES256' | 'EdDSA' | 'PS256' | 'RS256';

/**
 * `published`: in the key set, not used yet, so that every verifier has it before the first signature;
 * `active`: signs; `retiring`: verifies what it signed, until the last of that has expired.
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

/** Named keys; the private half never leaves it. Software today, an HSM behind the same interface. */
export interface Signer {
  /** The key that {@link sign} would use now; needed before signing because a JWS header names it. */
  current(purpose: KeyPurpose): Promise<PublicKey>;
  /** Signs with the key named, which must be one of this purpose that may still sign. */
  sign(purpose: KeyPurpose, kid: string, data: Uint8Array): Promise<Signature>;
  /** Every key a verifier may meet: published, active and retiring. */
  publicKeys(purpose: KeyPurpose): Promise<readonly PublicKey[]>;
  /**
   * Publishes a successor; it becomes active when the publication lead has passed, and the present key
   * then retires after the longest life of what it signed. Returns the successor.
   *
   * @param record makes the successor's record durable before it is published; when it throws, nothing was published
   */
  rotate(purpose: KeyPurpose, record?: (successor: PublicKey) => Promise<void>): Promise<PublicKey>;
  /**
   * Emergency: the key named is compromised. It signs and verifies nothing from now on and leaves the key set at
   * once; a successor is active immediately, without the publication lead. What the lost key signed dies with it.
   *
   * @param record makes withdrawal and successor durable before anything changes; when it throws, nothing did
   * @throws CodedError `signing_key_unknown` when there is no such key of this purpose
   */
  withdraw(
    purpose: KeyPurpose,
    kid: string,
    record?: (withdrawn: PublicKey, successor: PublicKey) => Promise<void>,
  ): Promise<PublicKey>;
}

/** A signing key as those see it who look after keys. */
export interface ListedKey extends Pick<PublicKey, 'kid' | 'algorithm' | 'purpose' | 'state'> {
  /** Milliseconds since the epoch. */
  readonly publishedAt: number;
  readonly activeFrom: number;
}

/** The signing keys of one process, for the one that lists them all. */
export interface KeyLister {
  /** Those that a verifier may meet: published, active and retiring. */
  listKeys(): Promise<readonly ListedKey[]>;
}
