import {
  actorOf,
  type Caller,
  type EvaluationRequest,
  type EvaluationsRequest,
  type PolicyEngine,
  type RefusedEvaluation,
  type ResourceGuard,
  type SearchRequest,
} from '@countersign/contracts';
import { withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { decisionAnswer, type Reader, searchAnswer } from './answers.ts';
import { takeStrictJson } from './json-body.ts';
import { readSupportedObligations, supportedObligations } from './obligations.ts';
import { readEvaluation, readEvaluations, readSearch } from './requests.ts';

export interface AuthzenRoutes {
  readonly policyEngine: Pick<PolicyEngine, 'evaluate' | 'evaluations' | 'search'>;
  /** Of the interface `decisions`. */
  readonly guard: ResourceGuard;
  /** The decision point's identifier, without a slash at its end. */
  readonly baseUrl: string;
}

const endpoints = {
  access_evaluation_endpoint: '/access/v1/evaluation',
  access_evaluations_endpoint: '/access/v1/evaluations',
  search_subject_endpoint: '/access/v1/search/subject',
  search_resource_endpoint: '/access/v1/search/resource',
  search_action_endpoint: '/access/v1/search/action',
} as const;

/** OpenID AuthZEN Authorization API 1.0 over HTTP. A deny is an answer, not an error. */
export function authzenRoutes(app: FastifyInstance, { policyEngine, guard, baseUrl }: AuthzenRoutes): void {
  const answering = (answer: (body: unknown, caller: Caller) => Promise<unknown>) =>
    withCaller(
      (request) => guard.check(request, { scope: 'decision:evaluate' }),
      baseUrl,
      async (request: FastifyRequest, _reply, caller: Caller) => answer(request.body, caller),
    );

  async function evaluate(request: EvaluationRequest, caller: Caller) {
    return decisionAnswer(await policyEngine.evaluate(request, actorOf(caller)), readerOf(caller, request));
  }

  async function evaluateSeveral(request: EvaluationsRequest, caller: Caller) {
    const answers = await policyEngine.evaluations(request, actorOf(caller));
    return {
      evaluations: answers.map((answer, index) => decisionAnswer(answer, readerOf(caller, request.evaluations[index]))),
    };
  }

  const searching = (kind: SearchRequest['kind']) =>
    answering(async (body, caller) => searchAnswer(await policyEngine.search(readSearch(kind, body), actorOf(caller))));

  void app.register(async (scope) => {
    takeStrictJson(scope);
    scope.post(
      endpoints.access_evaluation_endpoint,
      answering((body, caller) => evaluate(readEvaluation(body), caller)),
    );
    scope.post(
      endpoints.access_evaluations_endpoint,
      answering((body, caller) => {
        const request = readEvaluations(body);
        return 'evaluations' in request ? evaluateSeveral(request, caller) : evaluate(request, caller);
      }),
    );
    scope.post(endpoints.search_subject_endpoint, searching('subject'));
    scope.post(endpoints.search_resource_endpoint, searching('resource'));
    scope.post(endpoints.search_action_endpoint, searching('action'));
  });

  const metadata = {
    policy_decision_point: baseUrl,
    ...Object.fromEntries(Object.entries(endpoints).map(([name, path]) => [name, `${baseUrl}${path}`])),
    supported_obligations: supportedObligations,
  };
  // Section 11.9: it changes with a release at most.
  app.get('/.well-known/authzen-configuration', async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=3600').send(metadata),
  );
}

function readerOf(caller: Caller, request: EvaluationRequest | RefusedEvaluation | undefined): Reader {
  return {
    administrator: caller.scope.includes('policy:read'),
    supportedObligations:
      request === undefined || 'refused' in request ? undefined : readSupportedObligations(request.context),
  };
}
