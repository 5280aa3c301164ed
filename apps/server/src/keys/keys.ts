import type { Actor, KeyPurpose } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import {
  createKeyring,
  type KeyPolicy,
  type Keyring,
  type KeyringCustody,
  type KeyringKey,
  type Logger,
  type SealingKey,
} from '@countersign/runtime';
import type pg from 'pg';
import type { KeyRecords } from './key-records.ts';

/** Purposes whose keys are in the authorization server's key set. Each component publishes its other keys itself. */
export type TokenKeyPurpose = Extract<
  KeyPurpose,
  'access-token' | 'id-token' | 'id-token-ps256' | 'id-token-rs256' | 'transaction-token'
>;
/** Purposes that belong to one component, which stores the keys with its data and publishes them itself. */
export type ComponentKeyPurpose = Exclude<KeyPurpose, TokenKeyPurpose | 'log-checkpoint' | CertificateKeyPurpose>;
/** Purposes of the certificate authority: one for each class of issuing authority, and one for OCSP. */
export type CertificateKeyPurpose = Extract<KeyPurpose, `certificate-${string}`>;

export type Signers = Readonly<Record<KeyPurpose, Keyring<KeyPurpose>>>;

export interface KeyringDependencies {
  readonly pool: pg.Pool;
  readonly sealingKey: SealingKey;
  /** Default: in software. */
  readonly custody?: KeyringCustody;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Longer than a verifier caches the key set (`max-age` 60 s) plus the time until a node sees another node's key (2 s). */
const publicationLeadSeconds = 300;

/** Keys that rotate on a schedule. Each event is recorded before it takes effect. */
export interface RotatedKeyringDependencies extends KeyringDependencies {
  readonly rotateEveryDays: number;
  /** Age at which a key refuses to sign because its rotation fails. Default: twice {@link rotateEveryDays}. */
  readonly signAtMostDays?: number;
  readonly records: KeyRecords;
  /** The actor that is recorded for scheduled rotations. */
  readonly by: Actor;
}

/** Opens the keys whose signatures clients and interfaces verify. */
export function openTokenKeys(dependencies: RotatedKeyringDependencies): Promise<Keyring<TokenKeyPurpose>> {
  const { common, policy, recorder } = rotation(dependencies);
  return createKeyring<TokenKeyPurpose>({
    ...common,
    recorder,
    purposes: {
      // 300 seconds, plus one minute of clock difference.
      'access-token': policy(360),
      // One day: a session lasts no longer, and sign-out presents the ID token of the sign-in.
      'id-token': policy(86_460),
      'id-token-ps256': { ...policy(86_460, 'PS256'), onDemand: true },
      'id-token-rs256': { ...policy(86_460, 'RS256'), onDemand: true },
      'transaction-token': policy(360),
    },
  });
}

/**
 * Opens the keys of the log. They rotate by hand only and are never withdrawn, because checkpoints are verified for years. The creation of the
 * first is not recorded, because it signs the log's first record; the log uses no later key without its record.
 *
 * @param leadHours between the publication of a key and its first signature
 */
export function openLogKeys({
  leadHours = 24,
  ...dependencies
}: KeyringDependencies & { readonly leadHours?: number | undefined }): Promise<Keyring<'log-checkpoint'>> {
  const purposes = {
    'log-checkpoint': {
      algorithm: 'EdDSA',
      publicationLeadSeconds: Math.max(publicationLeadSeconds, leadHours * 3_600),
      longestSignedLifeSeconds: 100 * 365 * 86_400,
    },
  } as const;
  return createKeyring({ ...dependencies, purposes });
}

const tenYearsSeconds = 10 * 365 * 86_400;

/** Maximum time for which a signature of each purpose must remain verifiable. */
const signatureLifeSeconds: Readonly<Record<ComponentKeyPurpose, number>> = {
  // Versions of policies and mandates stay in force and are consulted for years.
  'policy-bundle': tenYearsSeconds,
  mandate: tenYearsSeconds,
  // An envelope describes a state that is at most one hour old.
  envelope: 3660,
  // A receiver may queue a delivery before it verifies the signature.
  event: 86_460,
  'security-event': 86_460,
  // The certificate of a time stamp is verified together with the evidence, years later.
  'time-stamp': tenYearsSeconds,
  // A JWT-SVID lives for five minutes.
  'workload-token': 360,
};

/**
 * Opens the keys of one component. They are not in the token key set, because that would make verifiers trust them for tokens.
 */
export function openComponentKeys<Purpose extends ComponentKeyPurpose>(
  purpose: Purpose,
  dependencies: RotatedKeyringDependencies,
): Promise<Keyring<Purpose>> {
  const { common, policy, recorder } = rotation(dependencies);
  return createKeyring<Purpose>({
    ...common,
    recorder,
    // A record with the one purpose.
    purposes: { [purpose]: policy(signatureLifeSeconds[purpose]) } as Readonly<Record<Purpose, KeyPolicy>>,
  });
}

/**
 * Opens the keys of the certificate authority, each created at its first use. Keys of issuing authorities rotate by hand only, because
 * a new key needs a key ceremony; a replaced one signs revocation lists until its certificate ends.
 */
export function openCertificateKeys(dependencies: RotatedKeyringDependencies): Promise<Keyring<CertificateKeyPurpose>> {
  const { common, policy, recorder } = rotation(dependencies);
  // The authority itself refuses to issue with a key that is too old; such a key still signs lists.
  const { rotateEverySeconds: _, signAtMostSeconds: __, ...byHand } = policy(tenYearsSeconds);
  const issuing: KeyPolicy = { ...byHand, onDemand: true };
  return createKeyring<CertificateKeyPurpose>({
    ...common,
    recorder,
    purposes: {
      'certificate-workload': issuing,
      'certificate-person': issuing,
      'certificate-device': issuing,
      'certificate-partner': issuing,
      'certificate-service': issuing,
      // The certificate of a responder lives for a week.
      'certificate-status': { ...policy(7 * 86_400), onDemand: true },
    },
  });
}

function rotation({
  records,
  by,
  rotateEveryDays,
  signAtMostDays = 2 * rotateEveryDays,
  ...common
}: RotatedKeyringDependencies) {
  const recorder = {
    published: (successor: KeyringKey) => records.published(successor, by),
    withdrawn: (withdrawn: KeyringKey, successor: KeyringKey) => records.withdrawn(withdrawn, successor, by),
    overAge: (key: KeyringKey) => records.overAge(key, by),
  };
  const policy = (longestSignedLifeSeconds: number, algorithm: KeyPolicy['algorithm'] = 'ES256'): KeyPolicy => ({
    algorithm,
    publicationLeadSeconds,
    longestSignedLifeSeconds,
    rotateEverySeconds: rotateEveryDays * 86_400,
    signAtMostSeconds: signAtMostDays * 86_400,
  });
  return { common: { ...common, prove: records.prove }, policy, recorder };
}
