import type { Caller } from '@countersign/contracts';
import { zoneOf } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';
import type { EvidenceReader } from '../reading/read-records.ts';

/** The caller as the record of a reading names them. */
export function readerOf(request: FastifyRequest, caller: Caller): EvidenceReader {
  const zone = zoneOf(request);
  return {
    actor: { id: caller.subject, institution: caller.institution },
    actors: caller.actors.map((id) => ({ id })),
    client: caller.client,
    scope: caller.scope,
    address: request.ip,
    ...(zone === undefined ? {} : { zone }),
  };
}
