import { createSelfSigned } from '@countersign/testkit';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { openConnection, unsuccessful } from '../http-connection.ts';
import { httpContender, permitComplaint, permitsComplaint, readJson } from '../http-contender.ts';
import { clientOf, createCredentials, formRequest, type MachineClient, protectedRequests } from '../machine-clients.ts';
import { venueOrders } from '../market.ts';
import { type Contender, costsPer, type Figure, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { ServerProcess } from '../server-process.ts';
import { cpu, latency, rate, section, times, verdict } from '../table.ts';
import { measureOverHttp, type SuiteOptions } from './suite.ts';

/** Decisions that are asked for with one request, beside a single one. */
const batches = [10, 100] as const;

/** Of each kind of caller: one decision a request, batches, and the empty server as the last. */
export interface EvaluationResults {
  /** Plain HTTP, tokens bound by DPoP: a proof with each request, verified and claimed. */
  readonly proved: readonly Result[];
  /** Mutual TLS, tokens bound to the certificate of the connection, which is the proof. */
  readonly certified: readonly Result[];
}

/**
 * AuthZEN evaluations, each recorded before it is answered: one with a request, and several (`evaluations`). Beside
 * them an HTTP server that answers the very same requests without looking at them, over TLS where they come by it.
 */
export async function measureEvaluations(
  options: SuiteOptions & {
    readonly controlPlane: MeasuredControlPlane;
    readonly emptyServer: ServerProcess;
    readonly emptyTlsServer: ServerProcess;
  },
): Promise<EvaluationResults> {
  const { controlPlane, pace } = options;
  const { connections } = pace;

  /** One a request, batches, and the empty server. */
  function asked(kind: Kind, empty: Asked): readonly Contender[] {
    const contender = (name: string, to: Asked, evaluations?: number): Contender =>
      httpContender({
        name,
        ...to,
        connections,
        // A decision over HTTP is more code than anything else measured here: V8 still compiles it after as many requests
        // as are enough elsewhere, on the processor that the database needs.
        warmUpRequests: Math.ceil((pace.warmUpRequests * 2) / (evaluations ?? 1)),
        complaint: evaluations === undefined ? permitComplaint : (answer) => permitsComplaint(answer, evaluations),
        prepare: (count) => kind.prepare(evaluations === undefined ? single : several, evaluations, count),
      });
    return [
      contender(`${kind.name}, one a request`, kind.asked),
      ...batches.map((size) => each(contender(`${kind.name}, ${size} a request`, kind.asked, size), size)),
      contender(`empty server, ${kind.transport}`, empty),
    ];
  }

  const certified = withCertificates(controlPlane, connections);
  const contenders = [
    ...asked(withProofs(controlPlane), { server: options.emptyServer }),
    ...asked(certified, { ...certified.asked, server: options.emptyTlsServer, url: options.emptyTlsServer.url }),
  ];
  const results = await measureOverHttp('evaluations', contenders, options);
  const half = contenders.length / 2;
  return { proved: results.slice(0, half), certified: results.slice(half) };
}

interface Kind {
  readonly name: string;
  readonly transport: string;
  readonly asked: Asked;
  /** @param evaluations how many with each request; undefined for one, asked for by itself */
  prepare(path: string, evaluations: number | undefined, count: number): Promise<readonly Buffer[]>;
}

type Asked = Pick<Parameters<typeof httpContender>[0], 'server' | 'url' | 'identities'>;

/** Plain HTTP, a proof with each request. */
function withProofs({ issuer, market, server }: MeasuredControlPlane): Kind {
  return {
    name: 'DPoP',
    transport: 'HTTP',
    asked: { server },
    async prepare(path, evaluations, count) {
      const callers = await decisionCallers({ issuer, traders: market.traders }, evaluations);
      return protectedRequests(`${issuer}${path}`, callers, count);
    },
  };
}

/** Each client has a certificate, and connections of its own. */
function withCertificates({ issuer, market, mutualTls, server }: MeasuredControlPlane, connections: number): Kind {
  const callers = market.certified
    .slice(0, connections)
    .map((client) => ({ client, identity: createSelfSigned({ subject: `CN=${client.id}` }) }));
  const credentials = createCredentials({ issuer, path: '/token', proof: false });
  const tokenFor = async ({ client, identity }: (typeof callers)[number]): Promise<string> => {
    const connection = await openConnection(client.id, mutualTls.url, identity);
    try {
      const wanted = { resource: `${issuer}/decisions`, scope: 'decision:evaluate' };
      const parameters = { grant_type: 'client_credentials', ...wanted };
      const answer = await connection.ask(formRequest(`${mutualTls.url}/token`, parameters, credentials(client)));
      const { access_token: token } = readJson(answer.body);
      if (typeof token !== 'string') throw unsuccessful(client.id, answer, 'without an access token');
      return token;
    } finally {
      connection.close();
    }
  };
  return {
    name: 'certificate',
    transport: 'TLS',
    asked: { server, url: mutualTls.url, identities: callers.map(({ identity }) => identity) },
    async prepare(path, evaluations, count) {
      const calls = callers.map(async (caller) => {
        return { accessToken: await tokenFor(caller), body: bodyOf(caller.client, evaluations) };
      });
      return protectedRequests(`${mutualTls.url}${path}`, await Promise.all(calls), count);
    },
  };
}

/** Traders with the tokens and the questions by which they ask for decisions. @param evaluations one alone when left out */
export function decisionCallers(
  { issuer, traders }: { readonly issuer: string; readonly traders: readonly MachineClient[] },
  evaluations?: number,
) {
  return Promise.all(
    traders.map(async (client) => {
      const wanted = { resource: `${issuer}/decisions`, scope: 'decision:evaluate' };
      const { accessToken } = await clientOf(client, issuer).clientCredentials(wanted);
      return { client, accessToken, body: bodyOf(client, evaluations) };
    }),
  );
}

function bodyOf({ id }: MachineClient, evaluations: number | undefined) {
  return {
    subject: { type: 'service', id: `service:${id}` },
    action: { name: 'token:issue' },
    resource: { type: 'resource', id: venueOrders },
    context: { client: id, audience: venueOrders, scope: 'trade:read' },
    ...(evaluations === undefined ? {} : { evaluations: Array.from({ length: evaluations }, () => ({})) }),
  };
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
      const { operations, rate: requests } = whole;
      return {
        ...whole,
        operations: operations * decisions,
        rate: requests * decisions,
        ...costsPer(decisions, whole),
      };
    },
  };
}

/** AuthZEN over HTTP, beside a server that decides nothing. */
export function evaluationsSection({ proved, certified }: EvaluationResults, { connections, rounds }: Pace): string {
  return [
    section(
      `AuthZEN evaluations over HTTP (token, possession, durable record), ${connections} connections; latency of a request, all else a decision`,
      [...proved, ...certified],
      [rate('decisions/s'), ...latency, ...cpu('server CPU µs')],
    ),
    ...besideEmpty(proved, 1 / 3, rounds),
    ...besideEmpty(certified, 2 / 3, rounds),
  ].join('\n');
}

/** The empty server is the last. */
function besideEmpty(results: readonly Result[], atLeast: number, rounds: number): readonly string[] {
  const [one, ...rest] = results;
  const empty = rest.at(-1);
  if (one === undefined || empty === undefined) return [];
  const beside = (of: Result, name: Figure) => times(ratio(of, empty, name));
  return [
    verdict(`the requests/s of the ${empty.name}: ${one.name}`, ratio(one, empty, 'rate'), { atLeast }, rounds),
    `  ${beside(one, 'cpuUs')} its server CPU: ${one.name}`,
    ...rest
      .slice(0, -1)
      .map((batch) => `  ${beside(batch, 'rate')} as many decisions as it answers requests: ${batch.name}`),
  ];
}
