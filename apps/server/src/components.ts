import { type AuditLogDependencies, auditLogMigrations, evidenceEraserMigrations } from '@countersign/audit-log';
import { authenticationMigrations } from '@countersign/authentication';
import { authorizationServerMigrations } from '@countersign/authorization-server';
import { breakGlassMigrations } from '@countersign/break-glass';
import { consentStoreMigrations } from '@countersign/consent-store';
import type { AuthorizationServer, DepartureEffect } from '@countersign/contracts';
import { devicesMigrations } from '@countersign/devices';
import { directoryMigrations } from '@countersign/directory';
import { eventPublisherMigrations } from '@countersign/event-publisher';
import { noticesMigrations } from '@countersign/notices';
import { policyEngineMigrations } from '@countersign/policy-engine';
import { recoveryMigrations } from '@countersign/recovery';
import { retentionMigrations } from '@countersign/retention';
import type { ComponentMigrations } from '@countersign/runtime';
import { timeStampingMigrations } from '@countersign/time-stamping';
import { transactionRegistryMigrations } from '@countersign/transaction-registry';
import { trustRegistryMigrations } from '@countersign/trust-registry';
import { type DecisionParts, startDecisions } from './components/decisions.ts';
import { type EmergencyParts, startEmergencies } from './components/emergencies.ts';
import { createGround, type ProcessParts } from './components/ground.ts';
import { type LogParts, startLog } from './components/log.ts';
import { type LogReaders, startLogReaders } from './components/log-readers.ts';
import { type Parties, startParties } from './components/parties.ts';
import { type PeopleParts, startPeople } from './components/people.ts';
import { openSigners } from './components/signers.ts';
import { startTokens, type TokenParts } from './components/tokens.ts';
import { departureEffects } from './departure-effects.ts';
import type { Signers } from './keys.ts';

/** Every component with a schema of its own, in the order of migration. */
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
];

/** The components of one process, joined by their contracts. */
export interface Components
  extends LogParts,
    Parties,
    PeopleParts,
    DecisionParts,
    TokenParts,
    EmergencyParts,
    LogReaders {
  readonly signers: Signers;
}

/**
 * Starts the components in the order in which they need each other, each line by a file of its own in `components/`:
 * the audit log; the keys of all others; directory, trust registry and federation gateway; notices, devices, risk and
 * authentication; consent store, policy engine and transaction registry; the authorization server; recovery and
 * break-glass; event publisher, signals, time stamping and retention.
 */
export async function startComponents({
  unfitRecords,
  ...given
}: ProcessParts & Pick<AuditLogDependencies, 'unfitRecords'>): Promise<Components> {
  const ground = createGround(given);
  // Some are told of what is started after them: who leaves is known to the directory before there is anybody to end what
  // they held, or to say how it is with who proposed a change; and who is locked out to the sign-in before there is anybody
  // to revoke their tokens.
  let effects: readonly DepartureEffect[] = [];
  let decisions: DecisionParts | undefined;
  const decided = (): DecisionParts => {
    if (decisions === undefined)
      throw new Error('an approval was judged before the components that judge it had started');
    return decisions;
  };
  let tokenServer: Pick<AuthorizationServer, 'revoke'> | undefined;

  const log = await startLog(ground, { unfitRecords });
  const signers = await openSigners(ground, log);
  const parties = await startParties(ground, {
    ...log,
    departureEffects: () => effects,
    proposerStanding: async (proposal) => decided().proposerStanding(proposal),
    independence: async (one, other) => decided().independence(one, other),
  });
  const people = await startPeople(ground, {
    ...{ ...log, ...parties, signers },
    revokeTokensOf: async (id, reason) => tokenServer?.revoke({ kind: 'principal', id }, ground.installation, reason),
  });
  decisions = await startDecisions(ground, { ...log, ...parties, ...people, signers });
  const tokens = await startTokens(ground, { ...log, ...parties, ...people, ...decisions, signers });
  tokenServer = tokens.authorizationServer;
  const emergencies = startEmergencies(ground, { ...log, ...parties, ...people, ...tokens });
  const readers = startLogReaders(ground, { ...log, ...parties, ...people, ...decisions, signers });
  effects = departureEffects({ ...parties, ...people, ...decisions, ...tokens, ...emergencies, ...readers });

  return { ...log, signers, ...parties, ...people, ...decisions, ...tokens, ...emergencies, ...readers };
}
