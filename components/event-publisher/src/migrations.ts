import type { ComponentMigrations } from '@countersign/runtime';

/** This component's place in the database. */
export const eventPublisherMigrations: ComponentMigrations = {
  name: 'event-publisher',
  schema: 'event_publisher',
  role: 'countersign_event_publisher',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
