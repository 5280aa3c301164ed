import type { KeyPlace, SigningContext } from './key-custody.ts';
import type { KeyringAlgorithm } from './key-material.ts';

export interface KeyPolicy {
  readonly algorithm: KeyringAlgorithm;
  /**
   * How long a new key is published before its first signature. Longer than verifiers cache the key set, and longer than a node
   * needs to notice another node's key.
   */
  readonly publicationLeadSeconds: number;
  /** Longest lifetime of anything signed: a replaced key stays published for this long after its successor became active. */
  readonly longestSignedLifeSeconds: number;
  /**
   * How long a key signs before the keyring rotates it; the successor is published in time. When left out, rotation is manual
   * only.
   */
  readonly rotateEverySeconds?: number;
  /** Age at which a key refuses to sign because its rotation has failed. Without it, no key is too old to sign. */
  readonly signAtMostSeconds?: number;
  /** Create the first key only at the first signature instead of with the keyring, because few installations need it. */
  readonly onDemand?: true;
}

/** The stored data of a key, without the key itself. */
export interface KeyRow {
  readonly kid: string;
  readonly purpose: string;
  /** Generation within the purpose; the newest one that has started signs. */
  readonly generation: number;
  readonly algorithm: string;
  /** Milliseconds since the epoch. */
  readonly publishedAt: number;
  readonly activeFrom: number;
  /** The kid of the compromised key that it replaces. */
  readonly withdraws?: string;
}

/** The state of a key by its newest record: valid, withdrawn, or without any record. */
export type KeyStanding = 'stands' | 'withdrawn' | 'unproven';

export interface KeyringKey extends KeyRow {
  readonly kid: string;
  readonly algorithm: KeyringAlgorithm;
  readonly purpose: string;
  readonly state: 'published' | 'active' | 'retiring';
  readonly jwk: Readonly<Record<string, string>>;
  readonly place: KeyPlace;
}

export type KeyOf<Purpose extends string> = KeyringKey & { readonly purpose: Purpose };

/** Makes key events durable before they take effect; when a method throws, nothing changes. */
export interface KeyRecorder<Purpose extends string> {
  published(successor: KeyOf<Purpose>): Promise<void>;
  withdrawn(withdrawn: KeyOf<Purpose>, successor: KeyOf<Purpose>): Promise<void>;
  /** The key is too old and refuses to sign. Called at each refused signature. */
  overAge?(key: KeyOf<Purpose>): Promise<void>;
}

/** Same shape as `Signer` in the contracts, for this keyring's purposes. */
export interface Keyring<Purpose extends string> {
  current(purpose: Purpose): Promise<KeyOf<Purpose>>;
  sign(
    purpose: Purpose,
    kid: string,
    data: Uint8Array,
    context?: SigningContext,
  ): Promise<{ kid: string; algorithm: KeyringAlgorithm; signature: Uint8Array }>;
  publicKeys(purpose: Purpose): Promise<readonly KeyOf<Purpose>[]>;
  /** Publishes a successor, or the first key if there is none. @param record replaces the recorder's `published` */
  rotate(purpose: Purpose, record?: KeyRecorder<Purpose>['published']): Promise<KeyOf<Purpose>>;
  /**
   * Withdraws a compromised key: on this node when the call resolves, on other nodes at their next refresh. For a key that is
   * already withdrawn it returns the active one.
   *
   * @param record replaces the recorder's `withdrawn`
   */
  withdraw(purpose: Purpose, kid: string, record?: KeyRecorder<Purpose>['withdrawn']): Promise<KeyOf<Purpose>>;
  stop(): Promise<void>;
}
