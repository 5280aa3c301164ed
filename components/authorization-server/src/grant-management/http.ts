import type { Caller, ProtocolScope, ResourceGuard } from '@countersign/contracts';
import { oauthErrors } from '@countersign/contracts';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { reasonOf } from '../refusal.ts';
import { type GrantManagement, grantManagementPath } from './grant-management.ts';

export interface GrantManagementRoutes {
  readonly grantManagement: GrantManagement;
  /** For the audience of the API: `issuer` + `grantManagementPath`. */
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

type GrantRoute = { Params: { readonly grant_id: string } };

/** `GET` and `DELETE /grants/:grant_id` (draft 03, sections 6.4 and 6.5), for the client that holds the grant. */
export function grantManagementRoutes(
  app: FastifyInstance,
  { grantManagement, guard, baseUrl }: GrantManagementRoutes,
): void {
  const { origin, pathname } = new URL(baseUrl);
  const url = `${pathname === '/' ? '' : pathname}${grantManagementPath}/:grant_id`;

  const answer =
    (scope: ProtocolScope, work: (caller: Caller, grantId: string) => Promise<unknown>, status: 200 | 204) =>
    async (request: FastifyRequest<GrantRoute>, reply: FastifyReply) => {
      const caller = await guard.check(accessRequestOf(request, origin), { scope });
      reply.header('cache-control', 'no-cache, no-store');
      try {
        return reply.status(status).send(await work(caller, request.params.grant_id));
      } catch (error) {
        if (!oauthErrors.is(error, 'invalid_grant_id')) throw error;
        // Section 6.6.
        return reply.status(404).send({ error: error.code, error_description: error.detail, reason: reasonOf(error) });
      }
    };

  app.get<GrantRoute>(url, { exposeHeadRoute: false }, answer('grant_management_query', grantManagement.query, 200));
  app.delete<GrantRoute>(url, answer('grant_management_revoke', grantManagement.revoke, 204));
}
