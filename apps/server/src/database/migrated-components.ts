import { auditLogMigrations, evidenceEraserMigrations } from '@countersign/audit-log';
import { authenticationMigrations } from '@countersign/authentication';
import { authorizationServerMigrations } from '@countersign/authorization-server';
import { breakGlassMigrations } from '@countersign/break-glass';
import { certificateAuthorityMigrations } from '@countersign/certificate-authority';
import { consentStoreMigrations } from '@countersign/consent-store';
import { devicesMigrations } from '@countersign/devices';
import { directoryMigrations } from '@countersign/directory';
import { eventPublisherMigrations } from '@countersign/event-publisher';
import { haltMigrations } from '@countersign/halt';
import { noticesMigrations } from '@countersign/notices';
import { policyEngineMigrations } from '@countersign/policy-engine';
import { recoveryMigrations } from '@countersign/recovery';
import { retentionMigrations } from '@countersign/retention';
import type { ComponentMigrations } from '@countersign/runtime';
import { secretsMigrations } from '@countersign/secrets';
import { timeStampingMigrations } from '@countersign/time-stamping';
import { transactionRegistryMigrations } from '@countersign/transaction-registry';
import { trustRegistryMigrations } from '@countersign/trust-registry';
import { workloadIdentityMigrations } from '@countersign/workload-identity';

/** Every component with its own schema, in the order of migration. */
export const migratedComponents: readonly ComponentMigrations[] = [
  auditLogMigrations,
  evidenceEraserMigrations,
  authorizationServerMigrations,
  directoryMigrations,
  trustRegistryMigrations,
  consentStoreMigrations,
  policyEngineMigrations,
  transactionRegistryMigrations,
  authenticationMigrations,
  eventPublisherMigrations,
  timeStampingMigrations,
  retentionMigrations,
  noticesMigrations,
  devicesMigrations,
  recoveryMigrations,
  breakGlassMigrations,
  certificateAuthorityMigrations,
  secretsMigrations,
  workloadIdentityMigrations,
  haltMigrations,
];
