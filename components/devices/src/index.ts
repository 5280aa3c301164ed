import type { ComponentMigrations } from '@countersign/runtime';

/** This component's schema and role in the database. */
export const devicesMigrations: ComponentMigrations = {
  name: 'devices',
  schema: 'devices',
  role: 'countersign_devices',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};

export { type DevicesConfiguration, devicesConfigurationSchema } from './config.ts';
export {
  createDevices,
  type DevicesDependencies,
  type ManagedDevice,
  type RunningDevices,
} from './devices.ts';
export { type DevicesRoutes, devicesRoutes } from './http.ts';
export { devicePages } from './pages/page-routes.ts';
export {
  createPosturesReplica,
  type PosturesReplica,
  type PosturesReplicaDependencies,
} from './posture/postures-replica.ts';
export { maxReported, reportType } from './posture/report.ts';
export type { TakenReport } from './posture/take-report.ts';
