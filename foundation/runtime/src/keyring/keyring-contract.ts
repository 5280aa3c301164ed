import type { KeyringAlgorithm } from './key-material.ts';

export interface KeyPolicy {
  readonly algorithm: KeyringAlgorithm;
  /**
   * How long a new key is published before its first signature. Longer than verifiers cache the key set, and
   * than a node takes to notice a key made by another.
   */
  readonly publicationLeadSeconds: number;
  /** Longest life of anything signed: a replaced key stays published for so long after its successor's activation. */
  readonly longestSignedLifeSeconds: number;
  /** How long a key signs; its successor is published in time by itself. Left out, keys are rotated by hand alone. */
  readonly rotateEverySeconds?: number;
  /** Its first key is made when something is to be signed for the first time, and not with the keyring: few need it. */
  readonly onDemand?: true;
}

/** What is stored of a key, beside the key itself. */
export interface KeyRow {
  readonly kid: string;
  readonly purpose: string;
  /** Of its purpose; the newest that has started signs. */
  readonly generation: number;
  readonly algorithm: string;
  /** Milliseconds since the epoch. */
  readonly publishedAt: number;
  readonly activeFrom: number;
  /** The kid of the lost key that it replaces. */
  readonly withdraws?: string;
}

/** How a key stands by its newest record: as its row says; withdrawn; or there is no such record. */
export type KeyStanding = 'stands' | 'withdrawn' | 'unproven';

export interface KeyringKey extends KeyRow {
  readonly kid: string;
  readonly algorithm: KeyringAlgorithm;
  readonly purpose: string;
  readonly state: 'published' | 'active' | 'retiring';
  readonly jwk: Readonly<Record<string, string>>;
}

export type KeyOf<Purpose extends string> = KeyringKey & { readonly purpose: Purpose };

/** Makes what happens to keys durable before it takes effect; when one of them throws, nothing happens. */
export interface KeyRecorder<Purpose extends string> {
  published(successor: KeyOf<Purpose>): Promise<void>;
  withdrawn(withdrawn: KeyOf<Purpose>, successor: KeyOf<Purpose>): Promise<void>;
}

/** The shape of `Signer` in the contracts, for the purposes this keyring was made with. */
export interface Keyring<Purpose extends string> {
  current(purpose: Purpose): Promise<KeyOf<Purpose>>;
  sign(
    purpose: Purpose,
    kid: string,
    data: Uint8Array,
  ): Promise<{ kid: string; algorithm: KeyringAlgorithm; signature: Uint8Array }>;
  publicKeys(purpose: Purpose): Promise<readonly KeyOf<Purpose>[]>;
  /** Publishes a successor; where there is no key yet, the first. @param record instead of the recorder's `published` */
  rotate(purpose: Purpose, record?: KeyRecorder<Purpose>['published']): Promise<KeyOf<Purpose>>;
  /**
   * Ends a lost key at once, here when this resolves and on other nodes when they next look. A key that is withdrawn
   * already stays so, and the active one is the answer.
   *
   * @param record instead of the recorder's `withdrawn`
   */
  withdraw(purpose: Purpose, kid: string, record?: KeyRecorder<Purpose>['withdrawn']): Promise<KeyOf<Purpose>>;
  stop(): Promise<void>;
}
