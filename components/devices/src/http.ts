import type { FastifyInstance } from 'fastify';
import type { RunningDevices } from './devices.ts';
import { createGate, type GateOptions } from './http/gate.ts';
import { managementRoutes } from './http/routes.ts';

export interface DevicesRoutes extends GateOptions {
  readonly devices: RunningDevices;
}

/** `/devices` for those who manage devices, and for the feeds that say how they are. */
export function devicesRoutes(app: FastifyInstance, { devices, ...options }: DevicesRoutes): void {
  managementRoutes(app, devices, createGate(options));
}
