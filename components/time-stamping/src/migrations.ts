import type { ComponentMigrations } from '@countersign/runtime';

/** This component's place in the database. */
export const timeStampingMigrations: ComponentMigrations = {
  name: 'time-stamping',
  schema: 'time_stamping',
  role: 'countersign_time_stamping',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
