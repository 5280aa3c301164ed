import type { AmendmentProposal, ConsentStore } from '@countersign/contracts';
import { described, idempotencyKeyHeader } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { mandateAnswer } from '../answers.ts';

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
import type { WithScope } from './with-scope.ts';

const tag = 'mandates';
type Amending = FastifyRequest<WithId & { Body: AmendmentProposal }>;
type Accepting = FastifyRequest<WithId & { Body: Static<typeof acceptAmendmentBody> }>;
type Reasoned = FastifyRequest<WithId & { Body: Static<typeof reasonBody> }>;

export function amendmentRoutes(
  app: FastifyInstance,
  { consentStore, withScope }: { readonly consentStore: ConsentStore; readonly withScope: WithScope },
): void {
  app.post<WithId & { Body: AmendmentProposal }>(
    '/mandates/:id/amendments',
    described({
      tag,
      summary: 'Propose an amendment',
      description:
        'By a signatory of any party; this is the first consent. The present terms stay in force until every party has consented. A change of counterparty needs consent from both the leaving and the joining institution.',
      scopes: ['mandate:grant'],
      params: idParams,
      requestHeaders: idempotencyKeyHeader,
      body: amendmentBody,
      answers: { 201: { description: 'The version that shows the amendment', body: mandateAnswer } },
    }),
    withScope('mandate:grant', async (request: Amending, caller, reply) => {
      const id = mandateIdOf(request.params.id);
      const mandate = await consentStore.amend(id, request.body, actorOf(caller), idempotencyKeyOf(request));
      return reply.status(201).send(mandate);
    }),
  );

  app.post<WithId & { Body: Static<typeof acceptAmendmentBody> }>(
    '/mandates/:id/amendments/accept',
    described({
      tag,
      summary: 'Consent to an amendment',
      description:
        'By a signatory of a party whose consent is missing, naming the digest of the terms. The last consent puts the terms into force.',
      scopes: ['mandate:grant'],
      params: idParams,
      body: acceptAmendmentBody,
      answers: { 200: { description: 'The new version', body: mandateAnswer } },
    }),
    withScope('mandate:grant', async (request: Accepting, caller) =>
      consentStore.acceptAmendment(mandateIdOf(request.params.id), request.body, actorOf(caller)),
    ),
  );

  app.post<WithId & { Body: Static<typeof reasonBody> }>(
    '/mandates/:id/amendments/withdraw',
    described({
      tag,
      summary: 'Withdraw an amendment',
      description: 'By any party, or an institution that would become one.',
      scopes: ['mandate:revoke'],
      params: idParams,
      body: reasonBody,
      answers: { 200: { description: 'The new version, without it', body: mandateAnswer } },
    }),
    withScope('mandate:revoke', async (request: Reasoned, caller) =>
      consentStore.withdrawAmendment(mandateIdOf(request.params.id), actorOf(caller), request.body.reason),
    ),
  );
}
