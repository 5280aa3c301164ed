import { createHash, randomBytes } from 'node:crypto';
import { type Answer, type Connection, openConnection, unsuccessful } from './http-connection.ts';
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
import { deskRedirect } from './market.ts';
import { type Arrival, readForm, submit, visit, type WebBrowser } from './web-browser.ts';

/** A server with an authorization code flow, and what is asked of it. */
export interface CodeFlowServer {
  readonly name: string;
  readonly issuer: string;
  /** Whose software asks. */
  readonly clients: readonly MachineClient[];
  readonly resource: string;
  readonly scope: string;
}

/** A person who is signed in, in one browser. */
export interface SignedIn {
  readonly person: string;
  readonly browser: WebBrowser;
}

/** One person's way through the flow, as far as it has come. What can be signed beforehand is. */
export interface Flow {
  readonly browser: WebBrowser;
  readonly client: MachineClient;
  readonly pushRequest: Buffer;
  readonly redeemWith: Credentials;
  requestUri?: string;
  page?: Extract<Arrival, { kind: 'page' }>;
  code?: string;
  accessToken?: string;
  refreshToken?: string;
}

export const codeFlowSteps = ['push', 'authorize', 'consent', 'redeem'] as const;
export type CodeFlowStep = (typeof codeFlowSteps)[number];

const codeVerifier = randomBytes(32).toString('base64url');

/** What a client pushes (RFC 9126): the same for every flow but for `state` and `nonce`. */
export function pushParameters({ resource, scope }: Pick<CodeFlowServer, 'resource' | 'scope'>, index: number) {
  return {
    response_type: 'code',
    redirect_uri: deskRedirect,
    scope,
    resource,
    // OpenID Connect Core section 11 has `offline_access` ask for it.
    prompt: 'consent',
    state: `state-${index}`,
    nonce: `nonce-${index}`,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
}

/** A flow for each of these people: in one browser there is one under way at a time. */
export function prepareFlows(server: CodeFlowServer, people: readonly SignedIn[]): readonly Flow[] {
  const { issuer, clients } = server;
  const pushes = formRequests({
    issuer,
    path: '/par',
    proof: false,
    clients,
    parameters: (_client, index) => pushParameters(server, index),
    count: people.length,
  });
  const credentials = createCredentials({ issuer, path: '/token', proof: true });
  return people.map(({ browser }, index) => {
    const client = pick(clients, index);
    return { browser, client, pushRequest: pick(pushes, index), redeemWith: credentials(client) };
  });
}

/** Each step takes a flow from where the one before has left it. @throws CodedError `benchmark_answer` */
export function stepsOf({
  name,
  issuer,
}: CodeFlowServer): Readonly<Record<CodeFlowStep, (flow: Flow, connection: Connection) => Promise<void>>> {
  const missing = (what: string) => new Error(`${name}: a step without the ${what} of the one before`);
  return {
    async push(flow, connection) {
      flow.requestUri = requestUriOf(name, await connection.ask(flow.pushRequest));
    },
    async authorize(flow, connection) {
      if (flow.requestUri === undefined) throw missing('request URI');
      const query = new URLSearchParams({ client_id: flow.client.id, request_uri: flow.requestUri });
      const arrival = await visit(`${issuer}/authorize?${query}`, flow.browser, connection, name);
      if (arrival.kind === 'left') throw new Error(`${name} asked nobody: ${arrival.location.search}`);
      flow.page = arrival;
    },
    async consent(flow, connection) {
      if (flow.page === undefined) throw missing('page');
      const arrival = await submit(flow.page, { decision: 'allow' }, flow.browser, connection, name);
      const code = arrival.kind === 'left' ? arrival.location.searchParams.get('code') : null;
      if (code === null)
        throw new Error(
          `${name} gave no code after consent, but ${arrival.kind === 'left' ? arrival.location.search : arrival.url}`,
        );
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

function requestUriOf(name: string, answer: Answer): string {
  const complaint = pushComplaint(answer);
  const { request_uri: requestUri } = readJson(answer.body);
  if (complaint !== undefined || typeof requestUri !== 'string')
    throw unsuccessful(name, answer, complaint ?? 'without a request URI');
  return requestUri;
}

/** For a load of pushed requests: whether this is the answer to one (RFC 9126 section 2.2). */
export function pushComplaint(answer: Answer): string | undefined {
  if (answer.status !== 201) return 'which is no pushed request';
  return typeof readJson(answer.body)['request_uri'] === 'string' ? undefined : 'without a request URI';
}

/** Signs each person in, in a browser of their own, on the way to a consent page. */
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

/** Goes the whole way with each of these people; for what needs tokens that a person has consented to. */
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
