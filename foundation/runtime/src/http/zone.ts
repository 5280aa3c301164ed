import type { FastifyRequest } from 'fastify';

const zones = new WeakMap<FastifyRequest['raw'], string>();

export function keepZone(request: FastifyRequest, zone: string | undefined): void {
  if (zone !== undefined) zones.set(request.raw, zone);
}

/** Network zone of the listener that a request came to, as the operator calls it; undefined where it has no name. */
export function zoneOf(request: FastifyRequest): string | undefined {
  return zones.get(request.raw);
}
