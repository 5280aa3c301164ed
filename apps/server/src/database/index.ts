export { type OpenedDatabase, openControlPlaneDatabase, rolesSecretFile } from './database.ts';
export { type MigrateOptions, migrateDatabase } from './migrate-database.ts';
export { migratedComponents } from './migrated-components.ts';
