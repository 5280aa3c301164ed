import type { ConsentStore, MandateProposal } from '@countersign/contracts';
import { idempotencyKeyHeader } from '@countersign/runtime';
import type { Static } from 'typebox';
import { mandateAnswer } from '../answers.ts';
import type { GuardedRoutes } from './guarded-routes.ts';
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

export function stepRoutes(routes: GuardedRoutes, { consentStore }: { readonly consentStore: ConsentStore }): void {
  routes.post<{ Body: MandateProposal }>(
    '/mandates',
    'mandate:grant',
    {
      summary: 'Propose a mandate',
      description:
        'By a signatory of the grantor; this is the first consent. The mandate permits nothing before every party has consented.',
      requestHeaders: idempotencyKeyHeader,
      body: proposalBody,
      answers: { 201: { description: 'Version 1, proposed', body: mandateAnswer } },
    },
    async (request, caller, reply) => {
      const mandate = await consentStore.propose(request.body, actorOf(caller), idempotencyKeyOf(request));
      return reply.status(201).send(mandate);
    },
  );

  routes.post<WithId & { Body: Static<typeof acceptBody> }>(
    '/mandates/:id/accept',
    'mandate:grant',
    {
      summary: 'Accept a mandate',
      description:
        'By a signatory of a party whose consent is missing, naming the hash of the terms. The last consent activates the mandate.',
      params: idParams,
      body: acceptBody,
      answers: { 200: { description: 'The new version', body: mandateAnswer } },
    },
    async (request, caller) => consentStore.accept(mandateIdOf(request.params.id), request.body, actorOf(caller)),
  );

  for (const step of ['suspend', 'resume', 'revoke'] as const)
    routes.post<WithId & { Body: Static<typeof reasonBody> }>(
      `/mandates/:id/${step}`,
      scopeOfStep[step],
      {
        ...steps[step],
        params: idParams,
        body: reasonBody,
        answers: { 200: { description: 'The new version', body: mandateAnswer } },
      },
      async (request, caller) =>
        consentStore[step](mandateIdOf(request.params.id), actorOf(caller), request.body.reason),
    );
}
