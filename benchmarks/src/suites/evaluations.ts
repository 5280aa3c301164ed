import { createClient } from '@countersign/sdk';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { httpContender, permitComplaint, permitsComplaint } from '../http-contender.ts';
import { protectedRequests } from '../machine-clients.ts';
import { venueOrders } from '../market.ts';
import { type Contender, measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { ServerProcess } from '../server-process.ts';

/** Decisions that are asked for with one request, beside a single one. */
const batches = [10, 100] as const;

/**
 * AuthZEN evaluations, each recorded before it is answered: one with a request, and several (`evaluations`). Beside
 * them an HTTP server that answers the very same requests without looking at them.
 */
export async function measureEvaluations(options: {
  readonly controlPlane: MeasuredControlPlane;
  readonly emptyServer: ServerProcess;
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}): Promise<readonly Result[]> {
  const { controlPlane, pace, onProgress } = options;
  const { issuer, market, server } = controlPlane;

  async function prepare(path: string, evaluations: number | undefined, count: number): Promise<readonly Buffer[]> {
    const callers = await Promise.all(
      market.traders.map(async (client) => {
        const { id: clientId, key, proofKey } = client;
        const oauth = createClient({ issuer, clientId, key, proofKey });
        const { accessToken } = await oauth.clientCredentials({
          resource: `${issuer}/decisions`,
          scope: 'decision:evaluate',
        });
        const body = {
          subject: { type: 'service', id: `service:${clientId}` },
          action: { name: 'token:issue' },
          resource: { type: 'resource', id: venueOrders },
          context: { client: clientId, audience: venueOrders, scope: 'trade:read' },
          ...(evaluations === undefined ? {} : { evaluations: Array.from({ length: evaluations }, () => ({})) }),
        };
        return { client, accessToken, body };
      }),
    );
    return protectedRequests({ url: `${issuer}${path}`, callers, count });
  }

  const asked = (name: string, to: ServerProcess, evaluations?: number): Contender =>
    httpContender({
      name,
      server: to,
      connections: pace.connections,
      warmUpRequests: Math.ceil(pace.warmUpRequests / 2 / (evaluations ?? 1)),
      complaint: evaluations === undefined ? permitComplaint : (answer) => permitsComplaint(answer, evaluations),
      prepare: (count) => prepare(evaluations === undefined ? single : several, evaluations, count),
    });

  const contenders = [
    asked('one a request', server),
    ...batches.map((size) => each(asked(`${size} a request`, server, size), size)),
    asked('empty HTTP server, one a request', options.emptyServer),
  ];
  return measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
    onProgress(`evaluations: ${message}`),
  );
}

const single = '/access/v1/evaluation';
const several = '/access/v1/evaluations';

/** The figures of each decision, for requests that ask for several; latency stays that of the request. */
function each({ name, warmUp, round }: Contender, decisions: number): Contender {
  return {
    name,
    warmUp,
    async round(seconds) {
      const whole = await round(seconds);
      const { cpuUs, databaseCpuUs, walBytes } = whole;
      return {
        ...whole,
        operations: whole.operations * decisions,
        rate: whole.rate * decisions,
        ...(cpuUs === undefined ? {} : { cpuUs: cpuUs / decisions }),
        ...(databaseCpuUs === undefined ? {} : { databaseCpuUs: databaseCpuUs / decisions }),
        ...(walBytes === undefined ? {} : { walBytes: walBytes / decisions }),
      };
    },
  };
}
