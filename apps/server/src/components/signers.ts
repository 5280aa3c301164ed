import { authorizationServerMigrations } from '@countersign/authorization-server';
import { consentStoreMigrations } from '@countersign/consent-store';
import { eventPublisherMigrations } from '@countersign/event-publisher';
import { policyEngineMigrations } from '@countersign/policy-engine';
import type { ComponentMigrations } from '@countersign/runtime';
import { timeStampingMigrations } from '@countersign/time-stamping';
import { transactionRegistryMigrations } from '@countersign/transaction-registry';
import { type ComponentKeyPurpose, openComponentKeys, openTokenKeys, type Signers } from '../keys.ts';
import type { Ground } from './ground.ts';
import type { LogParts } from './log.ts';

/** The keys of everything that is signed, each kept beside the data of the component that signs by it. */
export async function openSigners(
  { configuration, installation, keyring, started }: Ground,
  { logKeys, keyRecords }: Pick<LogParts, 'logKeys' | 'keyRecords'>,
): Promise<Signers> {
  const rotated = (component: ComponentMigrations) => ({
    ...keyring(component),
    rotateEveryDays: configuration.keys.rotateEveryDays,
    records: keyRecords,
    by: installation,
  });
  const keysFor = async (purpose: ComponentKeyPurpose, component: ComponentMigrations) =>
    started(`keys: ${purpose}`, await openComponentKeys(purpose, rotated(component)));

  const tokenKeys = started('keys of tokens', await openTokenKeys(rotated(authorizationServerMigrations)));
  return {
    'log-checkpoint': logKeys,
    'access-token': tokenKeys,
    'id-token': tokenKeys,
    'id-token-ps256': tokenKeys,
    'id-token-rs256': tokenKeys,
    'transaction-token': tokenKeys,
    'policy-bundle': await keysFor('policy-bundle', policyEngineMigrations),
    mandate: await keysFor('mandate', consentStoreMigrations),
    envelope: await keysFor('envelope', transactionRegistryMigrations),
    event: await keysFor('event', eventPublisherMigrations),
    'security-event': await keysFor('security-event', eventPublisherMigrations),
    'time-stamp': await keysFor('time-stamp', timeStampingMigrations),
  };
}
