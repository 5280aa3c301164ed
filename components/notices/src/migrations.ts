import type { ComponentMigrations } from '@countersign/runtime';

/** This component's place in the database. */
export const noticesMigrations: ComponentMigrations = {
  name: 'notices',
  schema: 'notices',
  role: 'countersign_notices',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
