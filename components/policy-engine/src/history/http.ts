import {
  actorOf,
  type DecisionHistory,
  policyErrors,
  type ResourceGuard,
  type SimulationRange,
} from '@countersign/contracts';
import { parseId, type RecordId } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { createGate, described } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { bundleBodyLimit, policyBundleBody } from '../bundle/bundle-body.ts';
import { explanationAnswer, replayAnswer, simulationAnswer, simulationRange } from './answers.ts';

const closed = { additionalProperties: false };
const tag = 'policies';
const scope = 'policy:read';
const idText = Type.String({ maxLength: 40 });
const simulationBody = Type.Object({ bundle: policyBundleBody, range: Type.Optional(simulationRange) }, closed);
const simulationParams = Type.Object({ id: idText }, closed);
const recordParams = Type.Object({ record: idText }, closed);

type WithRecord = Static<typeof recordParams>;

export function historyRoutes(
  app: FastifyInstance,
  {
    history,
    guard,
    baseUrl,
  }: {
    readonly history: DecisionHistory;
    readonly guard: ResourceGuard;
    readonly baseUrl: string;
  },
): void {
  const gate = createGate((request, needed: Scope) => guard.check(request, { scope: needed }), baseUrl);

  app.post<{ Body: Static<typeof simulationBody> }>(
    '/policies/simulations',
    {
      bodyLimit: bundleBodyLimit,
      ...described({
        tag,
        summary: 'Run a bundle over recorded decisions',
        description: 'Runs in the background, one at a time on a node. Read its progress by its id.',
        scopes: [scope],
        body: simulationBody,
        answers: { 202: { description: 'The simulation has started', body: simulationAnswer } },
      }),
      ...gate.needs(scope),
    },
    async (request, reply) => {
      const { bundle, range = {} } = request.body;
      return reply.status(202).send(await history.simulate(bundle, rangeOf(range), actorOf(gate.callerOf(request))));
    },
  );

  app.get<{ Params: Static<typeof simulationParams> }>(
    '/policies/simulations/:id',
    {
      ...described({
        tag,
        summary: 'Read a simulation',
        scopes: [scope],
        params: simulationParams,
        answers: { 200: { description: 'Its progress or its report', body: simulationAnswer } },
      }),
      ...gate.needs(scope),
    },
    async ({ params }) => {
      const id = parseId('simulation', params.id);
      if (id === undefined) throw policyErrors.error('simulation_not_found', 'This is not a valid id of a simulation.');
      return history.simulation(id);
    },
  );

  app.post<{ Body: WithRecord }>(
    '/policies/replay',
    {
      ...described({
        tag,
        summary: 'Replay a recorded decision',
        description: 'With the recorded input and the version that decided. Names any missing input.',
        scopes: [scope],
        body: recordParams,
        answers: { 200: { description: 'Whether the result is the same', body: replayAnswer } },
      }),
      ...gate.needs(scope),
    },
    async ({ body }) => history.replay(recordOf(body.record)),
  );

  app.get<{ Params: WithRecord }>(
    '/policies/decisions/:record',
    {
      ...described({
        tag,
        summary: 'Explain a recorded decision',
        description: 'Includes the entities readable at that time, which may be personal data.',
        scopes: [scope],
        params: recordParams,
        answers: { 200: { description: 'The explanation of the decision', body: explanationAnswer } },
      }),
      ...gate.needs(scope),
    },
    async ({ params }) => history.explain(recordOf(params.record)),
  );
}

function recordOf(text: string): RecordId {
  const id = parseId('record', text);
  if (id === undefined) throw policyErrors.error('decision_not_found', 'This is not a valid id of a record.');
  return id;
}

function rangeOf({
  from,
  until,
  action,
  principal,
  institution,
  desk,
}: Static<typeof simulationRange>): SimulationRange {
  return {
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
    ...(action === undefined ? {} : { action }),
    ...(principal === undefined ? {} : { principal }),
    ...(institution === undefined ? {} : { institution }),
    ...(desk === undefined ? {} : { desk }),
  };
}
