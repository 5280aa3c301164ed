import {
  type Caller,
  type DecisionHistory,
  policyErrors,
  type ResourceGuard,
  type SimulationRange,
} from '@countersign/contracts';
import { parseId, type RecordId } from '@countersign/kernel';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
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

type SimulationRequest = FastifyRequest<{ Body: Static<typeof simulationBody> }>;
type ReportRequest = FastifyRequest<{ Params: Static<typeof simulationParams> }>;
type ReplayRequest = FastifyRequest<{ Body: Static<typeof recordParams> }>;
type DecisionRequest = FastifyRequest<{ Params: Static<typeof recordParams> }>;

/** Past decisions over HTTP, under `/policies`: simulated, replayed, explained. Nothing here decides anything. */
export function historyRoutes(
  app: FastifyInstance,
  {
    history,
    guard,
    baseUrl,
  }: {
    readonly history: DecisionHistory;
    /** Of the interface `policies`. */
    readonly guard: ResourceGuard;
    readonly baseUrl: string;
  },
): void {
  const may = (request: Parameters<ResourceGuard['check']>[0]) => guard.check(request, { scope });

  app.post(
    '/policies/simulations',
    {
      bodyLimit: bundleBodyLimit,
      ...described({
        tag,
        summary: 'Run a bundle over recorded decisions',
        description: 'Beside the decisions of today, one at a time on a node. Ask how far it is by its id.',
        scopes: [scope],
        body: simulationBody,
        answers: { 202: { description: 'It has begun', body: simulationAnswer } },
      }),
    },
    withCaller<Caller, SimulationRequest>(may, baseUrl, async ({ body: { bundle, range = {} } }, reply, caller) =>
      reply
        .status(202)
        .send(await history.simulate(bundle, rangeOf(range), { id: caller.subject, institution: caller.institution })),
    ),
  );

  app.get(
    '/policies/simulations/:id',
    described({
      tag,
      summary: 'Read a simulation',
      scopes: [scope],
      params: simulationParams,
      answers: { 200: { description: 'How far it is, or what it found', body: simulationAnswer } },
    }),
    withCaller<Caller, ReportRequest>(may, baseUrl, async ({ params }) => {
      const id = parseId('simulation', params.id);
      if (id === undefined) throw policyErrors.error('simulation_not_found', 'This is not the id of a simulation.');
      return history.simulation(id);
    }),
  );

  app.post(
    '/policies/replay',
    described({
      tag,
      summary: 'Make a recorded decision again',
      description: 'From what was recorded, by the version that decided; or says which recorded input is missing.',
      scopes: [scope],
      body: recordParams,
      answers: { 200: { description: 'Whether it came out the same', body: replayAnswer } },
    }),
    withCaller<Caller, ReplayRequest>(may, baseUrl, async ({ body }) => history.replay(recordOf(body.record))),
  );

  app.get(
    '/policies/decisions/:record',
    described({
      tag,
      summary: 'Explain a recorded decision',
      description: 'With what could be read then, which may be personal data.',
      scopes: [scope],
      params: recordParams,
      answers: { 200: { description: 'The decision, taken apart', body: explanationAnswer } },
    }),
    withCaller<Caller, DecisionRequest>(may, baseUrl, async ({ params }) => history.explain(recordOf(params.record))),
  );
}

function recordOf(text: string): RecordId {
  const id = parseId('record', text);
  if (id === undefined) throw policyErrors.error('decision_not_found', 'This is not the id of a record.');
  return id;
}

/** Without the members that are not there. */
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
