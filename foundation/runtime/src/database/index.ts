/** Database access for components: own schema, own role, bounded waits. Read open-database.ts, then migrate.ts. */
export { ask, type NamedStatement } from './ask.ts';
export { type ComponentAccess, type ComponentPoolOptions, componentPool } from './component-pool.ts';
export {
  addressOfDatabase,
  clientConfig,
  type DatabaseConnection,
  type OwnerConnection,
  withoutAccount,
} from './connection.ts';
export { databaseErrors, databaseFailure, isDatabaseUnavailable } from './failure.ts';
export { createGroupCommit, type GroupCommit, type GroupCommitOptions } from './group-commit.ts';
export { watchHeldPools, withoutHeldConnection } from './held-pools.ts';
export { keepFresh } from './keep-fresh.ts';
export { type ListenOptions, listen, type Subscription } from './listen.ts';
export { type AppliedMigration, type ComponentMigrations, migrate } from './migrate.ts';
export { migrationErrors } from './migration-files.ts';
export { takeNamedLock, tryNamedLock } from './named-lock.ts';
export { openDatabaseAsRoles } from './open-as-roles.ts';
export { type Database, openDatabase } from './open-database.ts';
export {
  type InstallationSecret,
  type RolesSecret,
  rolesSecret,
  rolesSecretByGroup,
  rolesSecretFromFile,
} from './role-passwords.ts';
export type { ComponentRole, Grants } from './roles.ts';
export {
  createScratchDatabase,
  createScratchTemplate,
  type ScratchDatabase,
  type ScratchTemplate,
  scratchServer,
  scratchServerVariable,
} from './scratch-database.ts';
export { dropPresetsStatement } from './session-settings.ts';
export { createSweeper, type SweeperOptions } from './sweeper.ts';
export { notifyAfterCommit, transaction } from './transaction.ts';
