import { breakGlassMigrations, createBreakGlass, type RunningBreakGlass } from '@countersign/break-glass';
import { createRecovery, type RunningRecovery, recoveryMigrations } from '@countersign/recovery';
import { emergencyClient } from '../configuration/index.ts';
import type { Ground } from './ground.ts';
import type { PeopleParts } from './people.ts';
import { lockingRevoked } from './revoked-people.ts';
import type { Seen } from './seen.ts';
import type { TokenParts } from './tokens.ts';

/** Recoveries of lost authenticators, and emergency access. */
export interface EmergencyParts {
  readonly recovery: RunningRecovery;
  readonly breakGlass: RunningBreakGlass;
}

export function startEmergencies(
  { configuration, database, metrics, common, installation, started }: Ground,
  {
    auditLog: audit,
    directory,
    notices,
    risk,
    authentication,
    authorizationServer,
  }: Pick<Seen, 'auditLog' | 'directory' | 'notices'> &
    Pick<PeopleParts, 'risk' | 'authentication'> &
    Pick<TokenParts, 'authorizationServer'>,
): EmergencyParts {
  const { environment, issuer } = configuration;
  const shared = {
    audit,
    directory,
    register: lockingRevoked(authentication.authenticators, audit),
    statements: authentication.authenticators,
    tokens: authorizationServer,
    signals: risk,
    notices,
    installation,
    environment,
    ...common,
  };
  const recovery = started(
    'recovery',
    createRecovery({
      ...shared,
      pool: database.pool(recoveryMigrations, { maxConnections: 3 }),
      sessions: authentication,
      config: configuration.recovery ?? {},
    }),
  );
  const breakGlass = started(
    'break-glass',
    createBreakGlass({
      ...shared,
      pool: database.pool(breakGlassMigrations, { maxConnections: 3 }),
      client: emergencyClient,
      issuer,
      config: configuration.breakGlass ?? {},
      metrics,
    }),
  );
  return { recovery, breakGlass };
}
