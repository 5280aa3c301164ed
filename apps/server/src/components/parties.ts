import type { DepartureEffect, FederationGateway, ProposerStanding } from '@countersign/contracts';
import {
  createDirectory,
  type DirectoryComponent,
  directoryMigrations,
  type ScimDependencies,
} from '@countersign/directory';
import { createFederationGateway } from '@countersign/federation-gateway';
import { createTrustRegistry, type TrustRegistryComponent, trustRegistryMigrations } from '@countersign/trust-registry';
import type { Configuration } from '../configuration.ts';
import { developmentIssuers, withPinnedKeySets } from '../operator-people.ts';
import { directorySeed } from '../own-interfaces.ts';
import type { Ground } from './ground.ts';
import type { LogParts } from './log.ts';

/** Who there is: institutions with their people and software, and partners. */
export interface Parties {
  readonly directory: DirectoryComponent;
  readonly trustRegistry: TrustRegistryComponent;
  readonly federationGateway: FederationGateway;
  /** What the SCIM interface is made of. */
  readonly scim: Omit<ScimDependencies, 'guard' | 'baseUrl'>;
}

export async function startParties(
  { configuration, development, database, common, installation, outbound, started }: Ground,
  {
    auditLog: audit,
    departureEffects,
    proposerStanding,
  }: Pick<LogParts, 'auditLog'> & {
    /** What ends with whoever leaves; asked when somebody does. */
    readonly departureEffects: () => readonly DepartureEffect[];
    /** How it is with who proposed a change; asked when somebody approves one. */
    readonly proposerStanding: () => ProposerStanding | undefined;
  },
): Promise<Parties> {
  const pool = database.pool(directoryMigrations);
  const directory = started(
    'directory',
    await createDirectory({
      pool,
      access: database.access(directoryMigrations),
      audit,
      seed: directorySeed(configuration),
      departureEffects,
      proposerStanding,
      governingRoles: rolesThatDecide(configuration),
      // Outside development the configuration names two people at least.
      foundedByTwo: !development,
      ...common,
    }),
  );
  const trustRegistry = started(
    'trust registry',
    await createTrustRegistry({
      pool: database.pool(trustRegistryMigrations, { maxConnections: 3 }),
      access: database.access(trustRegistryMigrations),
      audit,
      directory,
      allowInsecureLoopback: development,
      ...common,
    }),
  );
  const issuers = developmentIssuers(configuration);
  for (const { profile } of issuers) await trustRegistry.register(profile, installation);
  const federationGateway = createFederationGateway({
    trustRegistry,
    directory,
    audit,
    outbound: withPinnedKeySets(outbound, issuers),
    identityChaining: configuration.features.identityChaining ?? 'off',
    ...common,
  });
  return {
    directory,
    trustRegistry,
    federationGateway,
    scim: { pool, directory, audit, ...configuration.scim, ...common },
  };
}

/** Roles to which this installation gives a part in recoveries and emergencies: they take two people to give. */
function rolesThatDecide({ recovery, breakGlass }: Configuration): readonly string[] {
  const { holderRole, reviewRoles = [] } = breakGlass ?? {};
  return [
    ...(recovery?.functions ?? []).flatMap(({ roles }) => roles),
    ...(holderRole === undefined ? [] : [holderRole]),
    ...reviewRoles,
  ];
}
