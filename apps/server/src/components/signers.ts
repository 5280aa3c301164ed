import { authorizationServerMigrations } from '@countersign/authorization-server';
import { certificateAuthorityMigrations } from '@countersign/certificate-authority';
import { consentStoreMigrations } from '@countersign/consent-store';
import { eventPublisherMigrations } from '@countersign/event-publisher';
import { policyEngineMigrations } from '@countersign/policy-engine';
import type { ComponentMigrations } from '@countersign/runtime';
import { timeStampingMigrations } from '@countersign/time-stamping';
import { transactionRegistryMigrations } from '@countersign/transaction-registry';
import { workloadIdentityMigrations } from '@countersign/workload-identity';
import {
  type CertificateKeyPurpose,
  type ComponentKeyPurpose,
  type KeyRecords,
  openCertificateKeys,
  openComponentKeys,
  openTokenKeys,
  type Signers,
  type TokenKeyPurpose,
} from '../keys/index.ts';
import type { Ground } from './ground.ts';

const keptBy: Readonly<Record<ComponentKeyPurpose, ComponentMigrations>> = {
  'policy-bundle': policyEngineMigrations,
  mandate: consentStoreMigrations,
  envelope: transactionRegistryMigrations,
  event: eventPublisherMigrations,
  'security-event': eventPublisherMigrations,
  'time-stamp': timeStampingMigrations,
  'workload-token': workloadIdentityMigrations,
};

/** Opens the keys of these purposes. Each component stores its keys with its own data. */
export async function openSigners<Purpose extends ComponentKeyPurpose>(
  ground: Ground,
  keyRecords: KeyRecords,
  purposes: readonly Purpose[],
): Promise<Pick<Signers, Purpose>> {
  const opened: Partial<Record<Purpose, Signers[Purpose]>> = {};
  for (const purpose of purposes)
    opened[purpose] = ground.started(
      `keys: ${purpose}`,
      await openComponentKeys(purpose, rotated(ground, keyRecords, keptBy[purpose])),
    );
  // Every purpose was opened above.
  return opened as Pick<Signers, Purpose>;
}

export async function openTokenSigners(
  ground: Ground,
  keyRecords: KeyRecords,
): Promise<Pick<Signers, TokenKeyPurpose>> {
  const tokenKeys = ground.started(
    'keys of tokens',
    await openTokenKeys(rotated(ground, keyRecords, authorizationServerMigrations)),
  );
  return {
    'access-token': tokenKeys,
    'id-token': tokenKeys,
    'id-token-ps256': tokenKeys,
    'id-token-rs256': tokenKeys,
    'transaction-token': tokenKeys,
  };
}

export async function openCertificateSigners(
  ground: Ground,
  keyRecords: KeyRecords,
): Promise<Pick<Signers, CertificateKeyPurpose>> {
  const keys = ground.started(
    'keys of certificates',
    await openCertificateKeys(rotated(ground, keyRecords, certificateAuthorityMigrations)),
  );
  return {
    'certificate-workload': keys,
    'certificate-person': keys,
    'certificate-device': keys,
    'certificate-partner': keys,
    'certificate-service': keys,
    'certificate-status': keys,
  };
}

function rotated(
  { configuration, installation, keyring }: Ground,
  records: KeyRecords,
  component: ComponentMigrations,
) {
  const { rotateEveryDays, signAtMostDays } = configuration.keys;
  return { ...keyring(component), rotateEveryDays, signAtMostDays, records, by: installation };
}
