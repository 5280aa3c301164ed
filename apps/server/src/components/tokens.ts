import {
  type AuthorizationServerComponent,
  authorizationServerMigrations,
  createAuthorizationServer,
  createGrantManagement,
  createKeyReminders,
  createRegistration,
  type GrantManagement,
  type Registration,
} from '@countersign/authorization-server';
import { createIndependence, type SingleUse } from '@countersign/contracts';
import { createRowSeal, createSingleUse } from '@countersign/runtime';
import type { Signers, TokenKeyPurpose } from '../keys/index.ts';
import { authorizationServerConfig } from './authorization-server-config.ts';
import type { Ground } from './ground.ts';
import type { PeopleParts } from './people.ts';
import type { Seen } from './seen.ts';

export interface TokenParts {
  readonly singleUse: SingleUse;
  readonly authorizationServer: AuthorizationServerComponent;
  readonly registration: Registration;
  /** Defined if the feature is enabled. */
  readonly grantManagement: GrantManagement | undefined;
}

export async function startTokens(
  { configuration, database, common, keyFor, started }: Ground,
  {
    auditLog: audit,
    directory,
    federationGateway,
    authentication,
    consentStore,
    policyEngine,
    transactions,
    notices,
    outbound,
    workloadKeys,
    signers,
  }: Pick<
    Seen,
    | 'auditLog'
    | 'directory'
    | 'federationGateway'
    | 'consentStore'
    | 'policyEngine'
    | 'transactions'
    | 'notices'
    | 'outbound'
    | 'workloadKeys'
  > &
    Pick<PeopleParts, 'authentication'> & { readonly signers: Pick<Signers, TokenKeyPurpose> },
): Promise<TokenParts> {
  const { issuer, features } = configuration;
  const singleUse = started(
    'single-use claims',
    // The record that follows makes it durable (docs/adr/0005).
    createSingleUse({
      pool: database.pool(authorizationServerMigrations, { maxConnections: 4, durable: false }),
      ...common,
    }),
  );
  const key = keyFor(authorizationServerMigrations);
  const rowSeal = createRowSeal(key.derive('row-seal/authorization-server'));
  const authorizationServer = started(
    'authorization server',
    await createAuthorizationServer({
      pool: database.pool(authorizationServerMigrations),
      rowSeal,
      signer: signers['access-token'],
      singleUse,
      audit,
      directory,
      consentStore,
      policyEngine,
      transactionRegistry: transactions,
      federationGateway,
      outbound,
      workloadKeys,
      authentication,
      statements: authentication.authenticators,
      transactions,
      independence: createIndependence(authentication.authenticators),
      nonceSecret: key.derive('dpop-nonce'),
      pingSecret: key.derive('backchannel-ping'),
      config: authorizationServerConfig(configuration),
      ...common,
    }),
  );
  const { clientKeyMaxAgeDays: maxDays, clientKeyWarnDays: warnDays } = configuration.keys;
  started(
    'reminders of client keys',
    createKeyReminders({
      directory,
      notices,
      keyAge: { maxDays, warnDays },
      operator: configuration.operator.lei,
      ...common,
    }),
  );
  const { revocations } = authorizationServer;
  const registration = createRegistration({
    pool: database.pool(authorizationServerMigrations, { maxConnections: 4 }),
    rowSeal,
    issuer,
    audit,
    directory,
    revocations,
    ...(configuration.registration === undefined ? {} : { policy: configuration.registration }),
    ...common,
  });
  const grantManagement =
    features.grantManagement === undefined
      ? undefined
      : createGrantManagement({ issuer, grants: consentStore.grants, revocations, directory, audit, ...common });
  return { singleUse, authorizationServer, registration, grantManagement };
}
