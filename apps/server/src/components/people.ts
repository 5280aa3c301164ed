import {
  authenticationMigrations,
  createAuthentication,
  createRisk,
  type Risk,
  type RunningAuthentication,
} from '@countersign/authentication';
import { createDevices, devicesMigrations, type RunningDevices } from '@countersign/devices';
import { createPartnerSignIns, type PartnerKeys } from '@countersign/federation-gateway';
import { createRowSeal } from '@countersign/runtime';
import type { Signers } from '../keys/index.ts';
import type { Ground } from './ground.ts';
import { type RemoteMethods, remoteMethods, signInConfig } from './people-parts.ts';
import type { Seen } from './seen.ts';

export interface PeopleParts {
  readonly devices: RunningDevices;
  /** Sign-in methods that use an external party. */
  readonly remote: RemoteMethods;
  readonly risk: Risk;
  readonly authentication: RunningAuthentication;
}

export async function startPeople(
  { configuration, database, metrics, common, keyFor, installation, started }: Ground,
  {
    auditLog: audit,
    directory,
    trustRegistry,
    notices,
    tokens,
    outbound,
    exchangeWith,
    partnerKeys,
    signers,
  }: Pick<Seen, 'auditLog' | 'directory' | 'trustRegistry' | 'notices' | 'tokens' | 'outbound' | 'exchangeWith'> & {
    readonly partnerKeys: PartnerKeys;
    readonly signers: Pick<Signers, 'access-token'>;
  },
): Promise<PeopleParts> {
  const { environment, issuer } = configuration;
  const devices = started(
    'devices',
    await createDevices({
      pool: database.pool(devicesMigrations, { maxConnections: 3 }),
      access: database.access(devicesMigrations),
      rowSeal: createRowSeal(keyFor(devicesMigrations).derive('row-seal/devices')),
      audit,
      directory,
      config: { issuer, environment, ...configuration.devices },
      ...common,
    }),
  );
  const pool = database.pool(authenticationMigrations, { maxConnections: 8 });
  const rowSeal = createRowSeal(keyFor(authenticationMigrations).derive('row-seal/authentication'));
  const remote = remoteMethods(configuration, {
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
      // A lockout also revokes the person's tokens.
      cutOff: (id, reason) => tokens.revoke({ kind: 'principal', id }, installation, reason),
      rowSeal,
      ...remote,
      metrics,
      config: signInConfig(configuration),
      ...common,
    }),
  );
  return { devices, remote, risk, authentication };
}
