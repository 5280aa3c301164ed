import type { EvaluationRequest, PolicyEngine, ResourceGuard } from '@countersign/contracts';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { policyVersionAnswer } from './answers.ts';
import { evaluationRequestSchema } from './authzen.ts';

/** AuthZEN 1.0 over HTTP, and the active policies for those who may read them. */
export function policyEngineRoutes(
  app: FastifyInstance,
  {
    policyEngine,
    guard,
    baseUrl,
  }: { readonly policyEngine: PolicyEngine; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const evaluator = withCaller(
    (request) => guard.check(request, { scope: 'decision:evaluate' }),
    baseUrl,
    async (request: FastifyRequest<{ Body: EvaluationRequest }>, _reply, caller) => {
      const decision = await policyEngine.evaluate(request.body, {
        id: caller.subject,
        institution: caller.institution,
      });
      // Section 6: a deny is an answer, not an error.
      return {
        decision: decision.decision,
        context: {
          id: decision.id,
          evidence: decision.recordId,
          policy: { version: decision.policyVersion, hash: decision.policyHash, determining: decision.determining },
          reasons: decision.reasons,
          obligations: decision.obligations,
        },
      };
    },
  );
  app.post('/access/v1/evaluation', { schema: { body: evaluationRequestSchema } }, evaluator as never);

  app.get('/.well-known/authzen-configuration', async () => ({
    policy_decision_point: baseUrl,
    access_evaluation_endpoint: `${baseUrl}/access/v1/evaluation`,
  }));

  app.get(
    '/decisions/policy',
    described({
      tag: 'decisions',
      summary: 'Read the active policies',
      scopes: ['decision:evaluate'],
      answers: { 200: { description: 'What decisions are made by now', body: policyVersionAnswer } },
    }),
    withCaller(
      (request) => guard.check(request, { scope: 'decision:evaluate' }),
      baseUrl,
      async () => policyEngine.active(),
    ),
  );
}
