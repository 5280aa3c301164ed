import type { FastifyRequest } from 'fastify';

const zones = new WeakMap<FastifyRequest['raw'], string>();

export function keepZone(request: FastifyRequest, zone: string | undefined): void {
  if (zone !== undefined) zones.set(request.raw, zone);
}

/** The configured network zone of the listener that received the request; undefined without a name. */
export function zoneOf(request: FastifyRequest): string | undefined {
  return zones.get(request.raw);
}
