import type { DepartureEffect } from '@countersign/contracts';
import {
  createDirectory,
  type DirectoryComponent,
  directoryMigrations,
  type ScimDependencies,
} from '@countersign/directory';
import { createTrustRegistry, type TrustRegistryComponent, trustRegistryMigrations } from '@countersign/trust-registry';
import { type Configuration, developmentIssuers, directorySeed } from '../configuration/index.ts';
import type { Ground } from './ground.ts';
import type { Seen } from './seen.ts';
import { twoPeople } from './two-people.ts';

/** Who there is: institutions with their people and software, and partners. */
export interface DirectoryParts {
  readonly directory: DirectoryComponent;
  readonly trustRegistry: TrustRegistryComponent;
  /** What the SCIM interface is made of. */
  readonly scim: Omit<ScimDependencies, 'guard' | 'baseUrl'>;
}

export async function startDirectory(
  { configuration, development, database, common, installation, started }: Ground,
  { auditLog: audit, authenticators }: Pick<Seen, 'auditLog' | 'authenticators'>,
  /** What ends with whoever leaves; asked when somebody does. */
  departureEffects: () => readonly DepartureEffect[],
): Promise<DirectoryParts> {
  const pool = database.pool(directoryMigrations);
  let profiles: TrustRegistryComponent | undefined;
  const asked = {
    auditLog: audit,
    authenticators,
    directory: { snapshotAtLeast: (version: number) => directory.snapshotAtLeast(version) },
  };
  const directory: DirectoryComponent = started(
    'directory',
    await createDirectory({
      pool,
      access: database.access(directoryMigrations),
      audit,
      seed: directorySeed(configuration),
      departureEffects,
      ...twoPeople(asked),
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
  for (const { profile } of developmentIssuers(configuration)) await trustRegistry.install(profile, installation);
  return { directory, trustRegistry, scim: { pool, directory, audit, ...configuration.scim, ...common } };
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
