import type { DepartureEffect, FederationGateway, Independence, ProposerStanding } from '@countersign/contracts';
import {
  createDirectory,
  type DirectoryComponent,
  directoryMigrations,
  type ScimDependencies,
} from '@countersign/directory';
import { createFederationGateway, createPartnerKeys, type PartnerKeys } from '@countersign/federation-gateway';
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
  readonly partnerKeys: PartnerKeys;
  /** What the SCIM interface is made of. */
  readonly scim: Omit<ScimDependencies, 'guard' | 'baseUrl'>;
}

export async function startParties(
  { configuration, development, database, common, installation, outbound, started }: Ground,
  {
    auditLog: audit,
    departureEffects,
    proposerStanding,
    independence,
  }: Pick<LogParts, 'auditLog'> & {
    /** What ends with whoever leaves; asked when somebody does. */
    readonly departureEffects: () => readonly DepartureEffect[];
    /** How it is with who proposed a change; asked when somebody approves one. */
    readonly proposerStanding: ProposerStanding;
    /** Whether who approves is surely somebody else. */
    readonly independence: Independence;
  },
): Promise<Parties> {
  const pool = database.pool(directoryMigrations);
  let profiles: TrustRegistryComponent | undefined;
  const directory = started(
    'directory',
    await createDirectory({
      pool,
      access: database.access(directoryMigrations),
      audit,
      seed: directorySeed(configuration),
      departureEffects,
      proposerStanding,
      independence,
      profiles: () => profiles,
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
  profiles = trustRegistry;
  const issuers = developmentIssuers(configuration);
  for (const { profile } of issuers) await trustRegistry.install(profile, installation);
  const partnerKeys = createPartnerKeys({ outbound: withPinnedKeySets(outbound, issuers), audit, ...common });
  const federationGateway = createFederationGateway({
    trustRegistry,
    directory,
    audit,
    partnerKeys,
    identityChaining: configuration.features.identityChaining ?? 'off',
    ...common,
  });
  return {
    directory,
    trustRegistry,
    federationGateway,
    partnerKeys,
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
