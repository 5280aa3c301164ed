import {
  authenticationMigrations,
  createAuthentication,
  createRisk,
  type Risk,
  type RunningAuthentication,
} from '@countersign/authentication';
import type { PrincipalId } from '@countersign/contracts';
import { createDevices, devicesMigrations, type RunningDevices } from '@countersign/devices';
import { createPartnerSignIns } from '@countersign/federation-gateway';
import { createNotices, noticesMigrations, type RunningNotices } from '@countersign/notices';
import { createRowSeal } from '@countersign/runtime';
import type { Signers } from '../keys.ts';
import { type ElsewhereMethods, methodsElsewhere, noticeChannels, signInConfig } from '../people-parts.ts';
import type { Ground } from './ground.ts';
import type { LogParts } from './log.ts';
import type { Parties } from './parties.ts';

/** How people sign in, on what, and how they hear of what concerns them. */
export interface PeopleParts {
  readonly notices: RunningNotices;
  readonly devices: RunningDevices;
  /** Sign-in that asks somebody else. */
  readonly elsewhere: ElsewhereMethods;
  readonly risk: Risk;
  readonly authentication: RunningAuthentication;
}

export async function startPeople(
  { configuration, database, metrics, common, keyEncryptionKey, outbound, exchangeWith, started }: Ground,
  {
    auditLog: audit,
    directory,
    trustRegistry,
    partnerKeys,
    signers,
    revokeTokensOf,
  }: Pick<LogParts & Parties, 'auditLog' | 'directory' | 'trustRegistry' | 'partnerKeys'> & {
    readonly signers: Signers;
    /** Whoever is locked out loses their tokens too. */
    readonly revokeTokensOf: (person: PrincipalId, reason: string) => Promise<unknown>;
  },
): Promise<PeopleParts> {
  const { environment, issuer } = configuration;
  const notices = started(
    'notices',
    createNotices({
      pool: database.pool(noticesMigrations, { maxConnections: 2 }),
      audit,
      rowSeal: createRowSeal(keyEncryptionKey.derive('row-seal/notices')),
      channels: noticeChannels(configuration.notices, exchangeWith),
      environment,
      metrics,
      ...common,
    }),
  );
  const devices = started(
    'devices',
    await createDevices({
      pool: database.pool(devicesMigrations, { maxConnections: 3 }),
      access: database.access(devicesMigrations),
      rowSeal: createRowSeal(keyEncryptionKey.derive('row-seal/devices')),
      audit,
      directory,
      config: { issuer, environment, ...configuration.devices },
      ...common,
    }),
  );
  const pool = database.pool(authenticationMigrations, { maxConnections: 8 });
  const rowSeal = createRowSeal(keyEncryptionKey.derive('row-seal/authentication'));
  const elsewhere = methodsElsewhere(configuration, {
    pool,
    audit,
    directory,
    partners: createPartnerSignIns({
      trustRegistry,
      directory,
      audit,
      outbound,
      partnerKeys,
      signer: signers['access-token'],
      ...common,
    }),
    outbound: () => exchangeWith(undefined),
    rowSeal,
    ...common,
  });
  const risk = started(
    'risk',
    await createRisk({
      pool,
      access: database.access(authenticationMigrations),
      audit,
      directory,
      notices,
      config: configuration.risk,
      ...common,
    }),
  );
  const authentication = started(
    'authentication',
    createAuthentication({
      pool,
      audit,
      directory,
      devices,
      deviceProof: devices.proof,
      notices,
      risk,
      signals: risk,
      cutOff: revokeTokensOf,
      rowSeal,
      ...elsewhere,
      metrics,
      config: signInConfig(configuration),
      ...common,
    }),
  );
  return { notices, devices, elsewhere, risk, authentication };
}
