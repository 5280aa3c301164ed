import type { ComponentMigrations } from '@countersign/runtime';

/** This component's place in the database. */
export const breakGlassMigrations: ComponentMigrations = {
  name: 'break-glass',
  schema: 'break_glass',
  role: 'countersign_break_glass',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
