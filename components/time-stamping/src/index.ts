export type { Rate } from './authority/rate-limit.ts';
export { createTimeStampExchange } from './client/time-stamp-exchange.ts';
export type { ClockQuality } from './clock-quality.ts';
export { type TimeStampingRoutes, timeStampingRoutes } from './http.ts';
export { timeStampingMigrations } from './migrations.ts';
export type { StampPolicy } from './stamping/stamp-policy.ts';
export type { StampedLog } from './stamping/stamper.ts';
export {
  type ChosenAuthority,
  createTimeStamping,
  defaultPolicy,
  type RunningTimeStamping,
  type TimeStampingDependencies,
} from './time-stamping.ts';
