import type { FastifyInstance } from 'fastify';
import { changeRoutes } from './http/changes.ts';
import { erasureRoutes } from './http/erasures.ts';
import { createGate, type GateOptions } from './http/gate.ts';
import { holdRoutes } from './http/holds.ts';
import type { RunningRetention } from './retention.ts';

export interface RetentionRoutes extends GateOptions {
  readonly retention: RunningRetention;
}

/** Schedule, prunings, holds and erasures over HTTP, under `/retention`; for the operator alone. */
export function retentionRoutes(app: FastifyInstance, { retention, ...options }: RetentionRoutes): void {
  const gate = createGate(options);
  changeRoutes(app, retention, gate);
  holdRoutes(app, retention, gate);
  erasureRoutes(app, retention, gate);
}
