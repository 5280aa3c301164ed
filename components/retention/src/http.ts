import { type ResourceGuard, requesterOf, retentionErrors } from '@countersign/contracts';
import { createGate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Requester } from './dependencies.ts';
import { changeRoutes } from './http/changes.ts';
import { erasureRoutes } from './http/erasures.ts';
import { holdRoutes } from './http/holds.ts';
import type { RunningRetention } from './retention.ts';

export interface RetentionRoutes {
  readonly retention: RunningRetention;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** LEI. */
  readonly operator: string;
}

/** Under `/retention`, for the operator only. */
export function retentionRoutes(app: FastifyInstance, { retention, guard, baseUrl, operator }: RetentionRoutes): void {
  const gate = createGate(async (request, scope: string) => {
    const caller = await guard.check(request, { scope });
    if (caller.institution !== operator)
      throw retentionErrors.error(
        'retention_of_the_operator',
        'How long evidence is kept is decided by the operator of this installation.',
      );
    return { ...requesterOf(caller), client: caller.client } satisfies Requester;
  }, baseUrl);
  changeRoutes(app, retention, gate);
  holdRoutes(app, retention, gate);
  erasureRoutes(app, retention, gate);
}
