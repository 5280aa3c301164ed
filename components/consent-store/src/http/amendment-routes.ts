import type { AmendmentProposal, ConsentStore } from '@countersign/contracts';
import { idempotencyKeyHeader } from '@countersign/runtime';
import type { Static } from 'typebox';
import { mandateAnswer } from '../answers.ts';
import type { GuardedRoutes } from './guarded-routes.ts';
import {
  acceptAmendmentBody,
  actorOf,
  amendmentBody,
  idempotencyKeyOf,
  idParams,
  mandateIdOf,
  reasonBody,
  type WithId,
} from './shapes.ts';

export function amendmentRoutes(
  routes: GuardedRoutes,
  { consentStore }: { readonly consentStore: ConsentStore },
): void {
  routes.post<WithId & { Body: AmendmentProposal }>(
    '/mandates/:id/amendments',
    'mandate:grant',
    {
      summary: 'Propose an amendment',
      description:
        'By a signatory of any party; this is the first consent. The present terms stay in force until every party has consented. A change of counterparty needs consent from both the leaving and the joining institution.',
      params: idParams,
      requestHeaders: idempotencyKeyHeader,
      body: amendmentBody,
      answers: { 201: { description: 'The version that shows the amendment', body: mandateAnswer } },
    },
    async (request, caller, reply) => {
      const id = mandateIdOf(request.params.id);
      const mandate = await consentStore.amend(id, request.body, actorOf(caller), idempotencyKeyOf(request));
      return reply.status(201).send(mandate);
    },
  );

  routes.post<WithId & { Body: Static<typeof acceptAmendmentBody> }>(
    '/mandates/:id/amendments/accept',
    'mandate:grant',
    {
      summary: 'Consent to an amendment',
      description:
        'By a signatory of a party whose consent is missing, naming the digest of the terms. The last consent puts the terms into force.',
      params: idParams,
      body: acceptAmendmentBody,
      answers: { 200: { description: 'The new version', body: mandateAnswer } },
    },
    async (request, caller) =>
      consentStore.acceptAmendment(mandateIdOf(request.params.id), request.body, actorOf(caller)),
  );

  routes.post<WithId & { Body: Static<typeof reasonBody> }>(
    '/mandates/:id/amendments/withdraw',
    'mandate:revoke',
    {
      summary: 'Withdraw an amendment',
      description: 'By any party, or an institution that would become one.',
      params: idParams,
      body: reasonBody,
      answers: { 200: { description: 'The new version, without it', body: mandateAnswer } },
    },
    async (request, caller) =>
      consentStore.withdrawAmendment(mandateIdOf(request.params.id), actorOf(caller), request.body.reason),
  );
}
