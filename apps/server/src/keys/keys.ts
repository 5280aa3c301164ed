import type { Actor, KeyPurpose } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import {
  createKeyring,
  type KeyPolicy,
  type Keyring,
  type KeyringKey,
  type Logger,
  type SealingKey,
} from '@countersign/runtime';
import type pg from 'pg';
import type { KeyRecords } from './key-records.ts';

/** Purposes whose keys are in the key set of the authorization server; what others sign is verified by their own. */
export type TokenKeyPurpose = Extract<
  KeyPurpose,
  'access-token' | 'id-token' | 'id-token-ps256' | 'id-token-rs256' | 'transaction-token'
>;
/** Purposes of one component each, which keeps the keys beside its data and publishes them itself. */
export type ComponentKeyPurpose = Exclude<KeyPurpose, TokenKeyPurpose | 'log-checkpoint'>;

/** The keyring of each purpose. */
export type Signers = Readonly<Record<KeyPurpose, Keyring<KeyPurpose>>>;

export interface KeyringDependencies {
  readonly pool: pg.Pool;
  readonly sealingKey: SealingKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Longer than a verifier keeps our key set (`max-age` 60 s), and than a node takes to see another's key (2 s). */
const publicationLeadSeconds = 300;

/** Of keys that are rotated by the calendar, each event recorded before it happens. */
export interface RotatedKeyringDependencies extends KeyringDependencies {
  readonly rotateEveryDays: number;
  readonly records: KeyRecords;
  /** In whose name the calendar rotates. */
  readonly by: Actor;
}

/** Keys of what clients and interfaces verify. */
export function openTokenKeys(dependencies: RotatedKeyringDependencies): Promise<Keyring<TokenKeyPurpose>> {
  const { common, policy, recorder } = rotation(dependencies);
  return createKeyring<TokenKeyPurpose>({
    ...common,
    recorder,
    purposes: {
      // 300 seconds, and a minute in which clocks may differ.
      'access-token': policy(360),
      // A day: who signs out shows the ID token of the sign-in, and a session lasts no longer.
      'id-token': policy(86_460),
      'id-token-ps256': { ...policy(86_460, 'PS256'), onDemand: true },
      'id-token-rs256': { ...policy(86_460, 'RS256'), onDemand: true },
      'transaction-token': policy(360),
    },
  });
}

/**
 * The key of the log: never rotated and never withdrawn, since a checkpoint is verified for years. It is not recorded
 * in the log either, whose first record it signs.
 */
export function openLogKeys(dependencies: KeyringDependencies): Promise<Keyring<'log-checkpoint'>> {
  const purposes = {
    'log-checkpoint': { algorithm: 'EdDSA', publicationLeadSeconds, longestSignedLifeSeconds: 100 * 365 * 86_400 },
  } as const;
  return createKeyring({ ...dependencies, purposes });
}

const tenYearsSeconds = 10 * 365 * 86_400;

/** How long at most a signature of each component must verify. */
const signatureLifeSeconds: Readonly<Record<ComponentKeyPurpose, number>> = {
  // A version of the policies, or of a mandate, stays in force and is looked up for years.
  'policy-bundle': tenYearsSeconds,
  mandate: tenYearsSeconds,
  // An envelope says what is true as of an hour ago at most.
  envelope: 3660,
  // A receiver may keep a delivery in a queue before it looks at the signature.
  event: 86_460,
  'security-event': 86_460,
  // The certificate of a time stamp is looked at when the evidence is, years later.
  'time-stamp': tenYearsSeconds,
};

/** The keys of one component: not in the key set of tokens, which nobody may be told to trust for anything else. */
export function openComponentKeys<Purpose extends ComponentKeyPurpose>(
  purpose: Purpose,
  dependencies: RotatedKeyringDependencies,
): Promise<Keyring<Purpose>> {
  const { common, policy, recorder } = rotation(dependencies);
  return createKeyring<Purpose>({
    ...common,
    recorder,
    purposes: { [purpose]: policy(signatureLifeSeconds[purpose]) } as Readonly<Record<Purpose, KeyPolicy>>,
  });
}

function rotation({ records, by, rotateEveryDays, ...common }: RotatedKeyringDependencies) {
  const recorder = {
    published: (successor: KeyringKey) => records.published(successor, by),
    withdrawn: (withdrawn: KeyringKey, successor: KeyringKey) => records.withdrawn(withdrawn, successor, by),
  };
  const policy = (longestSignedLifeSeconds: number, algorithm: KeyPolicy['algorithm'] = 'ES256'): KeyPolicy => ({
    algorithm,
    publicationLeadSeconds,
    longestSignedLifeSeconds,
    rotateEverySeconds: rotateEveryDays * 86_400,
  });
  return { common: { ...common, prove: records.prove }, policy, recorder };
}
