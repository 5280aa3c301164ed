import { actorOf, type DecisionHistory, policyErrors, type ResourceGuard } from '@countersign/contracts';
import { defined, parseId, type RecordId } from '@countersign/kernel';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { bundleBodyLimit, policyBundleBody } from '../bundle/bundle-body.ts';
import { guardedRoutes } from '../guarded-routes.ts';
import { explanationAnswer, replayAnswer, simulationAnswer, simulationRange } from './answers.ts';

const closed = { additionalProperties: false };
const scope = 'policy:read';
const idText = Type.String({ maxLength: 40 });
const simulationBody = Type.Object({ bundle: policyBundleBody, range: Type.Optional(simulationRange) }, closed);
const simulationParams = Type.Object({ id: idText }, closed);
const recordParams = Type.Object({ record: idText }, closed);

type WithRecord = Static<typeof recordParams>;

export function historyRoutes(
  app: FastifyInstance,
  { history, ...from }: { readonly history: DecisionHistory; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const routes = guardedRoutes('policies', from);

  app.post<{ Body: Static<typeof simulationBody> }>(
    '/policies/simulations',
    {
      bodyLimit: bundleBodyLimit,
      ...routes.needs(scope, {
        summary: 'Run a bundle over recorded decisions',
        description: 'Runs in the background, one at a time on a node. Read its progress by its id.',
        body: simulationBody,
        answers: { 202: { description: 'The simulation has started', body: simulationAnswer } },
      }),
    },
    async (request, reply) => {
      const { bundle, range = {} } = request.body;
      return reply.status(202).send(await history.simulate(bundle, defined(range), actorOf(routes.callerOf(request))));
    },
  );

  app.get<{ Params: Static<typeof simulationParams> }>(
    '/policies/simulations/:id',
    routes.needs(scope, {
      summary: 'Read a simulation',
      params: simulationParams,
      answers: { 200: { description: 'Its progress or its report', body: simulationAnswer } },
    }),
    async ({ params }) => {
      const id = parseId('simulation', params.id);
      if (id === undefined) throw policyErrors.error('simulation_not_found', 'This is not a valid id of a simulation.');
      return history.simulation(id);
    },
  );

  app.post<{ Body: WithRecord }>(
    '/policies/replay',
    routes.needs(scope, {
      summary: 'Replay a recorded decision',
      description: 'With the recorded input and the version that decided. Names any missing input.',
      body: recordParams,
      answers: { 200: { description: 'Whether the result is the same', body: replayAnswer } },
    }),
    async ({ body }) => history.replay(recordOf(body.record)),
  );

  app.get<{ Params: WithRecord }>(
    '/policies/decisions/:record',
    routes.needs(scope, {
      summary: 'Explain a recorded decision',
      description: 'Includes the entities readable at that time, which may be personal data.',
      params: recordParams,
      answers: { 200: { description: 'The explanation of the decision', body: explanationAnswer } },
    }),
    async ({ params }) => history.explain(recordOf(params.record)),
  );
}

function recordOf(text: string): RecordId {
  const id = parseId('record', text);
  if (id === undefined) throw policyErrors.error('decision_not_found', 'This is not a valid id of a record.');
  return id;
}
