import type { ComponentMigrations } from '@countersign/runtime';

export type { Rate } from './authority/rate-limit.ts';
export { createTimeStampExchange } from './client/time-stamp-exchange.ts';
export type { ClockQuality } from './clock-quality.ts';
export { type TimeStampingRoutes, timeStampingRoutes } from './http.ts';
export type { StampPolicy } from './stamping/stamp-policy.ts';
export type { StampedLog } from './stamping/stamper.ts';
export {
  type ChosenAuthority,
  createTimeStamping,
  defaultPolicy,
  type RunningTimeStamping,
  type TimeStampingDependencies,
} from './time-stamping.ts';

export const timeStampingMigrations: ComponentMigrations = {
  name: 'time-stamping',
  schema: 'time_stamping',
  role: 'countersign_time_stamping',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
