import type { ClientName } from './differential-clients.ts';
import { type Observation, observe } from './differential-observation.ts';
import {
  type Answer,
  authenticated,
  codeVerifier,
  type Exchange,
  type FormChange,
  memberOf,
  proofOf,
  requestedOf,
  send,
  type TokenChange,
} from './differential-requests.ts';
import type { Endpoint, Side } from './differential-side.ts';
import { redirectUri } from './relying-parties.ts';

/** One request, or several of which the last is compared, sent to both servers. */
export interface Case {
  readonly name: string;
  ask(side: Side): Promise<Observation>;
}

/** How a case changes a request of an authenticated client; the rest is valid. */
export interface ClientRequestChange extends Omit<Exchange, 'endpoint'> {
  readonly client?: ClientName;
  readonly assertion?: TokenChange;
}
export type ChangeFor = ClientRequestChange | ((side: Side) => ClientRequestChange);

const of = (change: ChangeFor, side: Side): ClientRequestChange =>
  typeof change === 'function' ? change(side) : change;

/** A request with its client's credentials: an assertion, or the client_id beside a certificate. */
async function sendAs(
  side: Side,
  endpoint: Endpoint,
  client: ClientName,
  form: FormChange,
  { assertion, client: _, form: change, ...exchange }: ClientRequestChange,
): Promise<Answer> {
  const credentials =
    exchange.certificate === undefined && exchange.mtls !== true
      ? authenticated(side, client, {}, assertion)
      : { client_id: client };
  return send(side, { ...exchange, endpoint, form: { ...credentials, ...form, ...change } });
}

/** Pushes an authorization request. */
export async function push(side: Side, change: ClientRequestChange = {}): Promise<Answer> {
  const { client = 'desk' } = change;
  return sendAs(side, 'par', client, requestedOf(side, client), change);
}

/** A pushed request in a table of cases: only the changes are given. */
export const pushing = (name: string, change: ChangeFor): Case => ({
  name: `PAR: ${name}`,
  ask: async (side) => observe(side, await push(side, of(change, side))),
});

/** Requests a token for a machine. */
export async function machineToken(side: Side, change: ClientRequestChange = {}): Promise<Answer> {
  const { client = 'reader' } = change;
  return sendAs(
    side,
    'token',
    client,
    { grant_type: 'client_credentials', scope: 'order:read', resource: 'https://broker.example/quotes' },
    { ...(client === 'reader' ? { proofs: [proofOf(side, side.key(client))] } : {}), ...change },
  );
}

export const askingForToken = (name: string, change: ChangeFor): Case => ({
  name: `client_credentials: ${name}`,
  ask: async (side) => observe(side, await machineToken(side, of(change, side))),
});

/** A code with everything that belongs to it. */
export interface Flow {
  readonly client: ClientName;
  readonly code: string;
  readonly location: URL;
}

export interface FlowChange extends ClientRequestChange {
  readonly decision?: 'allow' | 'refuse';
}

/** The whole flow at the authorization endpoint: pushed, signed in, decided. */
export async function authorize(side: Side, change: FlowChange = {}): Promise<URL> {
  const { client = 'desk', decision = 'allow', ...request } = change;
  const pushed = await push(side, { client, ...request });
  const url = new URL(side.url('authorize'));
  url.search = new URLSearchParams({ client_id: client, request_uri: memberOf(pushed, 'request_uri') }).toString();
  return side.decide(side.browser(), url.href, decision);
}

export async function flow(side: Side, change: FlowChange = {}): Promise<Flow> {
  const location = await authorize(side, change);
  const code = location.searchParams.get('code');
  if (code === null) throw new Error(`no code at ${location.href}`);
  return { client: change.client ?? 'desk', code, location };
}

/** Redeems a code. */
export async function redeem(side: Side, { client, code }: Flow, change: ClientRequestChange = {}): Promise<Answer> {
  return sendAs(
    side,
    'token',
    client,
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier },
    { ...defaultProof(side, client, change), ...change },
  );
}

/** A new code for each case, and one request with it. */
export const redeeming = (
  name: string,
  change: ChangeFor,
  request: FlowChange | ((side: Side) => FlowChange) = {},
): Case => ({
  name: `authorization_code: ${name}`,
  ask: async (side) => {
    const begun = await flow(side, typeof request === 'function' ? request(side) : request);
    const { client = begun.client, ...changed } = of(change, side);
    return observe(side, await redeem(side, { ...begun, client }, changed));
  },
});

/** The scope and the prompt with which both servers give a refresh token. */
export const lasting = { scope: 'openid offline_access order:create', prompt: 'consent' };

/** A refresh token of a person who has consented. */
export async function refreshTokenOf(side: Side, request: FlowChange = {}): Promise<string> {
  const begun = await flow(side, { ...request, form: { ...lasting, ...request.form } });
  const bound = request.certificate === undefined ? {} : { certificate: request.certificate };
  return memberOf(await redeem(side, begun, bound), 'refresh_token');
}

export async function refresh(side: Side, token: string, change: ClientRequestChange = {}): Promise<Answer> {
  const { client = 'desk' } = change;
  return sendAs(
    side,
    'token',
    client,
    {
      grant_type: 'refresh_token',
      refresh_token: token,
      resource: 'https://broker.example/orders',
      scope: 'order:create',
    },
    { ...defaultProof(side, client, change), ...change },
  );
}

export const refreshing = (name: string, change: ChangeFor): Case => ({
  name: `refresh_token: ${name}`,
  ask: async (side) => observe(side, await refresh(side, await refreshTokenOf(side), of(change, side))),
});

/** The broker's resource server introspects a token. */
export async function introspect(side: Side, token: string, change: ClientRequestChange = {}): Promise<Answer> {
  const { client = 'broker-api' } = change;
  return sendAs(side, 'introspect', client, { token }, change);
}

export async function revoke(side: Side, token: string, change: ClientRequestChange = {}): Promise<Answer> {
  const { client = 'reader' } = change;
  return sendAs(side, 'revoke', client, { token }, change);
}

function defaultProof(
  side: Side,
  client: ClientName,
  { certificate, mtls }: ClientRequestChange,
): Pick<ClientRequestChange, 'proofs'> {
  return certificate !== undefined || mtls === true ? {} : { proofs: [proofOf(side, side.key(client))] };
}
