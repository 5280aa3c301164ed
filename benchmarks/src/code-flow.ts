import { createHash, randomBytes } from 'node:crypto';
import { type Answer, type Connection, openConnection, requireSuccess, unsuccessful } from './http-connection.ts';
import { readJson, tokenComplaint } from './http-contender.ts';
import { performAll } from './http-load.ts';
import {
  type Credentials,
  createCredentials,
  formRequest,
  formRequests,
  type MachineClient,
  pick,
} from './machine-clients.ts';
import { deskRedirect, venueOrders, venueScope } from './market.ts';
import { type Page, readForm, submit, visit, type WebBrowser } from './web-browser.ts';

/** A server with an authorization code flow, and the requests that it gets. */
export interface CodeFlowServer {
  readonly name: string;
  readonly issuer: string;
  readonly clients: readonly MachineClient[];
  readonly resource: string;
  readonly scope: string;
}

export interface SignedIn {
  readonly person: string;
  readonly browser: WebBrowser;
}

/** The progress of one person through the flow. Assertions and proofs are signed in advance. */
export interface Flow {
  readonly browser: WebBrowser;
  readonly client: MachineClient;
  readonly pushRequest: Buffer;
  readonly redeemWith: Credentials;
  requestUri?: string;
  page?: Page;
  code?: string;
  accessToken?: string;
  refreshToken?: string;
}

export const codeFlowSteps = ['push', 'authorize', 'consent', 'redeem'] as const;
export type CodeFlowStep = (typeof codeFlowSteps)[number];

const codeVerifier = randomBytes(32).toString('base64url');

/** Pushed authorization requests (RFC 9126); only `state` and `nonce` differ. */
export function pushRequests({ issuer, clients, resource, scope }: CodeFlowServer, count: number): readonly Buffer[] {
  const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
  const parameters = (index: number) => ({
    response_type: 'code',
    redirect_uri: deskRedirect,
    scope,
    resource,
    // Required for `offline_access` (OpenID Connect Core section 11).
    prompt: 'consent',
    state: `state-${index}`,
    nonce: `nonce-${index}`,
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
  });
  return formRequests({
    ...{ issuer, clients, count, path: '/par', proof: false },
    parameters: (_client, index) => parameters(index),
  });
}

/** Token requests with the refresh tokens of these flows. `openid` is left out: it would add an ID token. */
export function refreshRequests(issuer: string, flows: readonly Flow[], count: number): readonly Buffer[] {
  const refreshTokens = new Map(flows.map(({ client, refreshToken = '' }) => [client, refreshToken]));
  return formRequests({
    ...{ issuer, clients: [...refreshTokens.keys()], count, path: '/token', proof: true },
    parameters: (client) => ({
      grant_type: 'refresh_token',
      refresh_token: refreshTokens.get(client) ?? '',
      resource: venueOrders,
      scope: venueScope,
    }),
  });
}

/** A flow for each of these people, one at a time in each browser. */
export function prepareFlows(server: CodeFlowServer, people: readonly SignedIn[]): readonly Flow[] {
  const { issuer, clients } = server;
  const pushes = pushRequests(server, people.length);
  const credentials = createCredentials({ issuer, path: '/token', proof: true });
  return people.map(({ browser }, index) => {
    const client = pick(clients, index);
    return { browser, client, pushRequest: pick(pushes, index), redeemWith: credentials(client) };
  });
}

/** The steps of a flow, in order. @throws CodedError `benchmark_answer` */
export function stepsOf({
  name,
  issuer,
}: CodeFlowServer): Readonly<Record<CodeFlowStep, (flow: Flow, connection: Connection) => Promise<void>>> {
  const missing = (what: string) => new Error(`${name}: the previous step left no ${what}`);
  return {
    async push(flow, connection) {
      const answer = await connection.ask(flow.pushRequest);
      requireSuccess(name, answer, pushComplaint(answer));
      flow.requestUri = String(readJson(answer.body)['request_uri']);
    },
    async authorize(flow, connection) {
      if (flow.requestUri === undefined) throw missing('request URI');
      const query = new URLSearchParams({ client_id: flow.client.id, request_uri: flow.requestUri });
      const arrival = await visit(`${issuer}/authorize?${query}`, flow.browser, connection, name);
      if (arrival.kind === 'left') throw new Error(`${name} showed no page: ${arrival.location.search}`);
      flow.page = arrival;
    },
    async consent(flow, connection) {
      if (flow.page === undefined) throw missing('page');
      const arrival = await submit(flow.page, { decision: 'allow' }, flow.browser, connection, name);
      const destination = arrival.kind === 'left' ? arrival.location : new URL(arrival.url);
      const code = destination.searchParams.get('code');
      if (code === null) throw new Error(`${name} gave no code after consent: ${destination.search}`);
      flow.code = code;
    },
    async redeem(flow, connection) {
      if (flow.code === undefined) throw missing('code');
      const parameters = {
        grant_type: 'authorization_code',
        code: flow.code,
        redirect_uri: deskRedirect,
        code_verifier: codeVerifier,
      };
      const answer = await connection.ask(formRequest(`${issuer}/token`, parameters, flow.redeemWith));
      const complaint = tokenComplaint(answer);
      const { access_token: accessToken, refresh_token: refreshToken, id_token: idToken } = readJson(answer.body);
      if (complaint !== undefined || typeof accessToken !== 'string' || typeof refreshToken !== 'string')
        throw unsuccessful(name, answer, complaint ?? 'without a refresh token');
      if (typeof idToken !== 'string') throw unsuccessful(name, answer, 'without an ID token');
      flow.accessToken = accessToken;
      flow.refreshToken = refreshToken;
    },
  };
}

/** The problem with an answer that should be one to a pushed request (RFC 9126 section 2.2). */
export function pushComplaint(answer: Answer): string | undefined {
  if (answer.status !== 201) return 'which is no pushed request';
  return typeof readJson(answer.body)['request_uri'] === 'string' ? undefined : 'without a request URI';
}

/** Signs each person in, in a separate browser, through the sign-in page of a flow. */
export async function signIn(server: CodeFlowServer, people: readonly string[]): Promise<readonly SignedIn[]> {
  const { name, issuer } = server;
  const steps = stepsOf(server);
  const signedIn = people.map((person) => ({ person, browser: { cookies: new Map<string, string>() } }));
  const connection = await openConnection(name, issuer);
  try {
    for (const [index, flow] of prepareFlows(server, signedIn).entries()) {
      await steps.push(flow, connection);
      await steps.authorize(flow, connection);
      if (flow.page !== undefined && readForm(flow.page.body).inputs.includes('person'))
        await submit(flow.page, { person: pick(people, index), action: 'sign-in' }, flow.browser, connection, name);
    }
  } finally {
    connection.close();
  }
  return signedIn;
}

/** Completes the flow for each person, for suites that need tokens based on consent. */
export async function completeFlows(server: CodeFlowServer, people: readonly SignedIn[]): Promise<readonly Flow[]> {
  const steps = stepsOf(server);
  const items = prepareFlows(server, people);
  await performAll({
    name: server.name,
    url: server.issuer,
    connections: 4,
    items,
    async perform(flow, connection) {
      for (const step of codeFlowSteps) await steps[step](flow, connection);
    },
  });
  return items;
}
