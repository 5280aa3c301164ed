export { createBreakGlass, type RunningBreakGlass } from './break-glass.ts';
export { type BreakGlassConfiguration, breakGlassSchema } from './config.ts';
export type { BreakGlassDependencies } from './dependencies.ts';
export { type BreakGlassRoutes, breakGlassRoutes } from './http/routes.ts';
export { breakGlassMigrations } from './migrations.ts';
export { type BreakGlassPages, breakGlassPages } from './pages/routes.ts';
export { incidentReview, secondHolder } from './rules.ts';
