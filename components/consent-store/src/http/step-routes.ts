import type { ConsentStore, MandateProposal } from '@countersign/contracts';
import { described, idempotencyKeyHeader } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { mandateAnswer } from '../answers.ts';

import {
  acceptBody,
  actorOf,
  idempotencyKeyOf,
  idParams,
  mandateIdOf,
  proposalBody,
  reasonBody,
  type WithId,
} from './shapes.ts';
import type { WithScope } from './with-scope.ts';

const tag = 'mandates';
/** Resuming restores authority, so a token that may only revoke cannot resume. */
const scopeOfStep = { suspend: 'mandate:revoke', resume: 'mandate:grant', revoke: 'mandate:revoke' } as const;
const steps = {
  suspend: {
    summary: 'Suspend a mandate',
    description: 'By the grantor. The mandate permits nothing until it is resumed.',
  },
  resume: { summary: 'Resume a suspended mandate', description: 'By a signatory of the grantor with sole authority.' },
  revoke: {
    summary: 'Revoke a mandate',
    description: 'By any party; final. All its sub-mandates end at the same moment.',
  },
} as const;

type Accepting = FastifyRequest<WithId & { Body: Static<typeof acceptBody> }>;
type Reasoned = FastifyRequest<WithId & { Body: Static<typeof reasonBody> }>;

export function stepRoutes(
  app: FastifyInstance,
  { consentStore, withScope }: { readonly consentStore: ConsentStore; readonly withScope: WithScope },
): void {
  app.post<{ Body: MandateProposal }>(
    '/mandates',
    described({
      tag,
      summary: 'Propose a mandate',
      description:
        'By a signatory of the grantor; this is the first consent. The mandate permits nothing before every party has consented.',
      scopes: ['mandate:grant'],
      requestHeaders: idempotencyKeyHeader,
      body: proposalBody,
      answers: { 201: { description: 'Version 1, proposed', body: mandateAnswer } },
    }),
    withScope('mandate:grant', async (request: FastifyRequest<{ Body: MandateProposal }>, caller, reply) => {
      const mandate = await consentStore.propose(request.body, actorOf(caller), idempotencyKeyOf(request));
      return reply.status(201).send(mandate);
    }),
  );

  app.post<WithId & { Body: Static<typeof acceptBody> }>(
    '/mandates/:id/accept',
    described({
      tag,
      summary: 'Accept a mandate',
      description:
        'By a signatory of a party whose consent is missing, naming the hash of the terms. The last consent activates the mandate.',
      scopes: ['mandate:grant'],
      params: idParams,
      body: acceptBody,
      answers: { 200: { description: 'The new version', body: mandateAnswer } },
    }),
    withScope('mandate:grant', async (request: Accepting, caller) =>
      consentStore.accept(mandateIdOf(request.params.id), request.body, actorOf(caller)),
    ),
  );

  for (const step of ['suspend', 'resume', 'revoke'] as const)
    app.post<WithId & { Body: Static<typeof reasonBody> }>(
      `/mandates/:id/${step}`,
      described({
        tag,
        ...steps[step],
        scopes: [scopeOfStep[step]],
        params: idParams,
        body: reasonBody,
        answers: { 200: { description: 'The new version', body: mandateAnswer } },
      }),
      withScope(scopeOfStep[step], async (request: Reasoned, caller) =>
        consentStore[step](mandateIdOf(request.params.id), actorOf(caller), request.body.reason),
      ),
    );
}
