import type { ComponentMigrations } from '@countersign/runtime';

/** This component's place in the database. */
export const retentionMigrations: ComponentMigrations = {
  name: 'retention',
  schema: 'retention',
  role: 'countersign_retention',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
