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

/** The directory of institutions, people and clients, and the partners. */
export interface DirectoryParts {
  readonly directory: DirectoryComponent;
  readonly trustRegistry: TrustRegistryComponent;
  readonly scim: Omit<ScimDependencies, 'guard' | 'baseUrl'>;
}

export async function startDirectory(
  { configuration, development, database, common, installation, started }: Ground,
  { auditLog: audit, authenticators }: Pick<Seen, 'auditLog' | 'authenticators'>,
  /** The effects of a departure, resolved when a departure happens. */
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
      // Outside development the configuration names at least two people.
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

/** Roles that take part in recoveries and emergencies. Assigning them needs dual control. */
function rolesThatDecide({ recovery, breakGlass }: Configuration): readonly string[] {
  const { holderRole, reviewRoles = [] } = breakGlass ?? {};
  return [
    ...(recovery?.functions ?? []).flatMap(({ roles }) => roles),
    ...(holderRole === undefined ? [] : [holderRole]),
    ...reviewRoles,
  ];
}
