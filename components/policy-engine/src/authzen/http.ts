import {
  actorOf,
  type Caller,
  type EvaluationCaller,
  type EvaluationRequest,
  type EvaluationsRequest,
  type PolicyEngine,
  policyErrors,
  type RefusedEvaluation,
  type ResourceGuard,
  type SearchRequest,
} from '@countersign/contracts';
import { parseJsonBody, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isRecordAsked } from '../decision/request-context.ts';
import {
  decisionAnswer,
  evidenceHeaders,
  type Reader,
  readSupportedObligations,
  searchAnswer,
  supportedObligations,
} from './answers.ts';
import { readEvaluation, readEvaluations, readSearch } from './requests.ts';

interface AuthzenRoutes {
  readonly policyEngine: Pick<PolicyEngine, 'evaluate' | 'evaluations' | 'search'>;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** An answer. Unique ids are in headers, so that the same question has the same body. */
interface Answered {
  readonly body: object;
  readonly evidence: Readonly<Record<string, string>>;
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
  const answering = (answer: (body: unknown, caller: Caller) => Promise<Answered>) =>
    withCaller(
      (request) => guard.check(request, { scope: 'decision:evaluate' }),
      baseUrl,
      async (request: FastifyRequest, reply, caller: Caller) => {
        const { body, evidence } = await answer(request.body, caller);
        return reply.headers(evidence).send(body);
      },
    );

  const askerOf = (caller: Caller): EvaluationCaller => ({ ...actorOf(caller), client: caller.client });

  async function evaluate(request: EvaluationRequest, caller: Caller): Promise<Answered> {
    const answer = await policyEngine.evaluate(request, askerOf(caller));
    return { body: decisionAnswer(answer, readerOf(caller, request)), evidence: evidenceHeaders([answer]) };
  }

  async function evaluateSeveral(request: EvaluationsRequest, caller: Caller): Promise<Answered> {
    const answers = await policyEngine.evaluations(request, askerOf(caller));
    const evaluations = answers.map((answer, index) =>
      decisionAnswer(answer, readerOf(caller, request.evaluations[index])),
    );
    return { body: { evaluations }, evidence: evidenceHeaders(answers) };
  }

  const searching = (kind: SearchRequest['kind']) =>
    answering(async (body, caller) => {
      const request = readSearch(kind, body);
      const answer = await policyEngine.search(request, askerOf(caller));
      return { body: searchAnswer(answer, isRecordAsked(request.context)), evidence: evidenceHeaders([answer]) };
    });

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
  app.get('/.well-known/authzen-configuration', async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=3600').send(metadata),
  );
}

function readerOf(caller: Caller, request: EvaluationRequest | RefusedEvaluation | undefined): Reader {
  return {
    administrator: caller.scope.includes('policy:read'),
    ...(request === undefined || 'refused' in request
      ? { record: false }
      : {
          record: isRecordAsked(request.context),
          supportedObligations: readSupportedObligations(request.context),
        }),
  };
}

/**
 * Accepts only JSON bodies in this scope, with bounded nesting. Refuses ambiguous JSON (AuthZEN 1.0 section 11.5): invalid UTF-8, or
 * duplicate members in an object.
 */
function takeStrictJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    const read = parseJsonBody(body);
    if (read.ok) done(null, read.value);
    else done(policyErrors.error('evaluation_invalid', `The body cannot be read: ${read.problem}.`));
  });
}
