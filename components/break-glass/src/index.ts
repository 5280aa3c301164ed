import type { ComponentMigrations } from '@countersign/runtime';

/** This component's schema and role in the database. */
export const breakGlassMigrations: ComponentMigrations = {
  name: 'break-glass',
  schema: 'break_glass',
  role: 'countersign_break_glass',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};

export { createBreakGlass, type RunningBreakGlass } from './break-glass.ts';
export { type BreakGlassConfiguration, breakGlassSchema } from './config.ts';
export type { BreakGlassDependencies } from './dependencies.ts';
export { type BreakGlassRoutes, breakGlassRoutes } from './http/routes.ts';
export { type BreakGlassPages, breakGlassPages } from './pages/routes.ts';
export { incidentReview, secondHolder } from './rules.ts';
