import { actorOf, type ResourceGuard } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { createGate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { RunningDevices } from './devices.ts';
import { managementRoutes } from './http/routes.ts';

export interface DevicesRoutes {
  readonly devices: RunningDevices;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** `/devices` for those who manage devices, and for the feeds that say how they are. */
export function devicesRoutes(app: FastifyInstance, { devices, guard, baseUrl }: DevicesRoutes): void {
  const gate = createGate(async (request, scope: Scope) => actorOf(await guard.check(request, { scope })), baseUrl);
  managementRoutes(app, devices, gate);
}
