import type { Caller } from '@countersign/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A handler that runs only for a caller whose token has the scope. */
export type WithScope = <Request extends FastifyRequest>(
  scope: string,
  handler: (request: Request, caller: Caller, reply: FastifyReply) => Promise<unknown>,
) => (request: Request, reply: FastifyReply) => Promise<unknown>;
