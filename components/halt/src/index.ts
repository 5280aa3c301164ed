import type { ComponentMigrations } from '@countersign/runtime';

export type { HaltDependencies } from './dependencies.ts';
export { createHalt, type Halt, haltRelease } from './halt.ts';
export { type HaltRoutes, haltRoutes } from './http/routes.ts';

/** The schema and migrations of this component. */
export const haltMigrations: ComponentMigrations = {
  name: 'halt',
  schema: 'halt',
  role: 'countersign_halt',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
