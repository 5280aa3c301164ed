export { type DevicesConfiguration, devicesConfigurationSchema } from './config.ts';
export {
  createDevices,
  type DevicesDependencies,
  type ManagedDevice,
  type RunningDevices,
} from './devices.ts';
export { type DevicesRoutes, devicesRoutes } from './http.ts';
export { devicesMigrations } from './migrations.ts';
export { devicePages } from './pages/page-routes.ts';
export {
  createPosturesReplica,
  type PosturesReplica,
  type PosturesReplicaDependencies,
} from './posture/postures-replica.ts';
export { mostReported, reportType } from './posture/report.ts';
export type { TakenReport } from './posture/take-report.ts';
