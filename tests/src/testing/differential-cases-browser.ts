import { createHash } from 'node:crypto';
import { authorize, type Case, type FlowChange, flow, push, redeem } from './differential-case.ts';
import type { ClientName } from './differential-clients.ts';
import { observe, observeVisit, textOf, whither } from './differential-observation.ts';
import {
  type Answer,
  compactJws,
  type Exchange,
  type FormChange,
  memberOf,
  membersOf,
  proofOf,
  requestedOf,
  requestObjectOf,
  seconds,
  send,
  type TokenChange,
} from './differential-requests.ts';
import type { Side } from './differential-side.ts';

/** A browser arrives with these parameters in the query. */
const arriving = (name: string, parameters: (side: Side) => FormChange | Promise<FormChange>): Case => ({
  name: `authorization endpoint: ${name}`,
  async ask(side) {
    const query = Object.entries(await parameters(side)).flatMap(([key, value]): [string, string][] =>
      value === undefined ? [] : (typeof value === 'string' ? [value] : value).map((one) => [key, one]),
    );
    return observeVisit(side, await side.browser().open(`${side.url('authorize')}?${new URLSearchParams(query)}`));
  },
});

async function pushedUri(side: Side, form: FormChange = {}, client: ClientName = 'desk'): Promise<string> {
  return memberOf(await push(side, { client, form }), 'request_uri');
}

const plain = (name: string, change: FormChange): Case =>
  arriving(`without PAR: ${name}`, (side) => ({
    ...requestedOf(side, 'dashboard'),
    scope: 'openid',
    resource: undefined,
    authorization_details: undefined,
    ...change,
  }));

const deciding = (name: string, change: FlowChange | ((side: Side) => FlowChange)): Case => ({
  name: `authorization endpoint: ${name}`,
  ask: async (side) => whither(side, await authorize(side, typeof change === 'function' ? change(side) : change)),
});

/** RFC 6749 section 4.1, RFC 9126 section 4, RFC 9207, JARM. */
const authorizationEndpoint: readonly Case[] = [
  arriving('a pushed request', async (side) => ({ client_id: 'desk', request_uri: await pushedUri(side) })),
  arriving('a pushed request, and other parameters that count for nothing', async (side) => ({
    client_id: 'desk',
    request_uri: await pushedUri(side),
    redirect_uri: 'https://thief.example/callback',
    scope: 'everything',
  })),
  arriving('a pushed request without client_id', async (side) => ({ request_uri: await pushedUri(side) })),
  arriving('a pushed request of another client', async (side) => ({
    client_id: 'other-desk',
    request_uri: await pushedUri(side),
  })),
  arriving('request_uri unknown', () => ({
    client_id: 'desk',
    request_uri: `urn:ietf:params:oauth:request_uri:${'x'.repeat(43)}`,
  })),
  arriving('request_uri of another kind', () => ({ client_id: 'desk', request_uri: 'https://desk.example/request' })),
  arriving('request_uri twice', async (side) => {
    const uri = await pushedUri(side);
    return { client_id: 'desk', request_uri: [uri, uri] };
  }),
  arriving('client_id unknown', () => ({ client_id: 'nobody', request_uri: 'urn:ietf:params:oauth:request_uri:x' })),
  arriving('nothing', () => ({})),
  arriving('a client that must push comes without', (side) => requestedOf(side, 'desk')),
  arriving('a client that must push comes without, to a redirect_uri that is not registered', (side) => ({
    ...requestedOf(side, 'desk'),
    redirect_uri: 'https://thief.example/callback',
  })),
  arriving('a client that must push comes with a request object', (side) => ({
    client_id: 'desk',
    request: requestObjectOf(side, 'desk'),
  })),
  arriving('prompt none, and nobody is signed in', async (side) => ({
    client_id: 'desk',
    request_uri: await pushedUri(side, { prompt: 'none' }),
  })),
  arriving('prompt none with signed responses', async (side) => ({
    client_id: 'signing-desk',
    request_uri: memberOf(
      await push(side, {
        client: 'signing-desk',
        form: { request: requestObjectOf(side, 'signing-desk', { claims: { prompt: 'none', response_mode: 'jwt' } }) },
      }),
      'request_uri',
    ),
  })),
  deciding('the person allows', {}),
  deciding('the person refuses', { decision: 'refuse' }),
  deciding('the person allows, and the request had no state', { form: { state: undefined } }),
  deciding('the person allows, with response_mode jwt', { form: { response_mode: 'jwt' } }),
  deciding('the person refuses, with response_mode jwt', { form: { response_mode: 'jwt' }, decision: 'refuse' }),
  {
    name: 'authorization endpoint: a request_uri is opened twice before the sign-in',
    async ask(side) {
      const url = `${side.url('authorize')}?${new URLSearchParams({ client_id: 'desk', request_uri: await pushedUri(side) })}`;
      await side.browser().open(url);
      return observeVisit(side, await side.browser().open(url));
    },
  },
  {
    name: 'authorization endpoint: a request_uri that was decided on',
    async ask(side) {
      const url = `${side.url('authorize')}?${new URLSearchParams({ client_id: 'desk', request_uri: await pushedUri(side) })}`;
      await side.decide(side.browser(), url, 'allow');
      return observeVisit(side, await side.browser().open(url));
    },
  },
  {
    name: 'authorization endpoint: by POST',
    async ask(side) {
      const form = { client_id: 'desk', request_uri: await pushedUri(side) };
      return observe(side, await send(side, { endpoint: 'authorize', form }));
    },
  },
  {
    name: 'authorization endpoint: by HEAD',
    ask: async (side) => observe(side, await send(side, { endpoint: 'authorize', method: 'HEAD' })),
  },
  {
    name: 'authorization endpoint: from a script of another origin (CORS)',
    async ask(side) {
      const preflight = { origin: 'https://other.example', 'access-control-request-method': 'GET' };
      const { headers } = await send(side, { endpoint: 'authorize', method: 'OPTIONS', headers: preflight });
      return { value: headers.get('access-control-allow-origin') ?? 'not allowed' };
    },
  },
  plain('as it should be', {}),
  plain('without response_type', { response_type: undefined }),
  plain('response_type token', { response_type: 'token' }),
  plain('response_type code id_token', { response_type: 'code id_token' }),
  plain('response_mode unknown', { response_mode: 'pigeon' }),
  plain('without redirect_uri', { redirect_uri: undefined }),
  plain('redirect_uri that is not registered', { redirect_uri: 'https://thief.example/callback' }),
  plain('without client_id', { client_id: undefined }),
  plain('without code_challenge', { code_challenge: undefined, code_challenge_method: undefined }),
  plain('code_challenge_method plain', { code_challenge_method: 'plain' }),
  plain('without scope', { scope: undefined }),
  plain('scope of the market', { scope: 'openid order:create' }),
  plain('scopes that are for claims', { scope: 'openid profile email' }),
  plain('a request_uri of the client', { request_uri: 'https://desk.example/request.jwt' }),
  plain('state twice', { state: ['a', 'b'] }),
  plain('redirect_uri twice', {
    redirect_uri: ['https://desk.example/callback', 'https://desk.example/callback'],
  }),
  plain('prompt none', { prompt: 'none' }),
  plain('prompt unknown', { prompt: 'dance' }),
  plain('max_age negative', { max_age: '-1' }),
  plain('an unsigned request object', { request: 'e30.e30.' }),
];

/** An access token for userinfo, and the key that it is bound to. */
async function userinfoToken(side: Side): Promise<string> {
  const begun = await flow(side, {
    form: { scope: 'openid', resource: undefined, authorization_details: undefined },
  });
  return memberOf(await redeem(side, begun), 'access_token');
}

function proofFor(side: Side, token: string, { claims, ...change }: TokenChange = {}): string {
  const ath = createHash('sha256').update(token).digest('base64url');
  return proofOf(side, side.key('desk'), { ...change, claims: { htm: 'GET', ath, ...claims } }, 'userinfo');
}

const informing = (name: string, request: (side: Side, token: string) => Partial<Exchange>): Case => ({
  name: `userinfo: ${name}`,
  async ask(side) {
    const token = await userinfoToken(side);
    return observe(side, await send(side, { endpoint: 'userinfo', method: 'GET', ...request(side, token) }));
  },
});

/** OpenID Connect Core section 5.3, RFC 6750, RFC 9449 section 7. */
const userinfo: readonly Case[] = [
  informing('a request as it should be', (side, token) => ({
    headers: { authorization: `DPoP ${token}` },
    proofs: [proofFor(side, token)],
  })),
  informing('by POST', (side, token) => ({
    method: 'POST',
    headers: { authorization: `DPoP ${token}` },
    proofs: [proofFor(side, token, { claims: { htm: 'POST' } })],
  })),
  informing('without a token', () => ({})),
  informing('a bound token as Bearer', (_side, token) => ({ headers: { authorization: `Bearer ${token}` } })),
  informing('a bound token as Bearer, with its proof', (side, token) => ({
    headers: { authorization: `Bearer ${token}` },
    proofs: [proofFor(side, token)],
  })),
  informing('without a proof', (_side, token) => ({ headers: { authorization: `DPoP ${token}` } })),
  informing('a proof without ath', (side, token) => ({
    headers: { authorization: `DPoP ${token}` },
    proofs: [proofFor(side, token, { claims: { ath: undefined } })],
  })),
  informing('a proof with another ath', (side, token) => ({
    headers: { authorization: `DPoP ${token}` },
    proofs: [proofFor(side, 'another')],
  })),
  informing('a proof for POST', (side, token) => ({
    headers: { authorization: `DPoP ${token}` },
    proofs: [proofFor(side, token, { claims: { htm: 'POST' } })],
  })),
  informing('a proof by another key', (side, token) => ({
    headers: { authorization: `DPoP ${token}` },
    proofs: [
      proofFor(side, token, {
        header: { jwk: side.key('other-desk').publicJwk },
        by: side.key('other-desk'),
      }),
    ],
  })),
  informing('an old proof', (side, token) => ({
    headers: { authorization: `DPoP ${token}` },
    proofs: [proofFor(side, token, { claims: { iat: seconds() - 3_600 } })],
  })),
  informing('a proof that is no JWT', (_side, token) => ({
    headers: { authorization: `DPoP ${token}` },
    proofs: ['nonsense'],
  })),
  informing('a token that is none', (side) => ({
    headers: { authorization: 'DPoP nonsense' },
    proofs: [proofFor(side, 'nonsense')],
  })),
  informing('a token signed by somebody else', (side) => {
    const forged = compactJws(
      { typ: 'at+jwt', kid: 'x' },
      { iss: side.issuer, sub: 'person:anna.keller', exp: seconds() + 60 },
      side.key('desk'),
    );
    return { headers: { authorization: `DPoP ${forged}` }, proofs: [proofFor(side, forged)] };
  }),
  informing('the token in the query', (_side, token) => ({ form: { access_token: token } })),
  informing('the token in the body', (_side, token) => ({ method: 'POST', form: { access_token: token } })),
  informing('another scheme', (_side, token) => ({ headers: { authorization: `Basic ${token}` } })),
  {
    name: 'userinfo: a token for a market interface',
    async ask(side) {
      const token = memberOf(await redeem(side, await flow(side)), 'access_token');
      const request = { headers: { authorization: `DPoP ${token}` }, proofs: [proofFor(side, token)] };
      return observe(side, await send(side, { endpoint: 'userinfo', method: 'GET', ...request }));
    },
  },
  {
    name: 'userinfo: one proof twice',
    async ask(side) {
      const token = await userinfoToken(side);
      const request = { headers: { authorization: `DPoP ${token}` }, proofs: [proofFor(side, token)] };
      await send(side, { endpoint: 'userinfo', method: 'GET', ...request });
      return observe(side, await send(side, { endpoint: 'userinfo', method: 'GET', ...request }));
    },
  },
];

/** Members in the metadata of either server (RFC 8414 section 2 and its registry), one case each. */
export const metadataMembers = [
  'acr_values_supported',
  'authorization_details_types_supported',
  'authorization_endpoint',
  'authorization_response_iss_parameter_supported',
  'authorization_signing_alg_values_supported',
  'backchannel_authentication_endpoint',
  'backchannel_authentication_request_signing_alg_values_supported',
  'backchannel_logout_session_supported',
  'backchannel_logout_supported',
  'backchannel_token_delivery_modes_supported',
  'backchannel_user_code_parameter_supported',
  'claim_types_supported',
  'claims_parameter_supported',
  'claims_supported',
  'code_challenge_methods_supported',
  'dpop_signing_alg_values_supported',
  'end_session_endpoint',
  'grant_types_supported',
  'id_token_signing_alg_values_supported',
  'introspection_endpoint',
  'introspection_endpoint_auth_methods_supported',
  'introspection_endpoint_auth_signing_alg_values_supported',
  'introspection_signing_alg_values_supported',
  'issuer',
  'jwks_uri',
  'mtls_endpoint_aliases',
  'prompt_values_supported',
  'pushed_authorization_request_endpoint',
  'registration_endpoint',
  'request_object_signing_alg_values_supported',
  'request_parameter_supported',
  'request_uri_parameter_supported',
  'require_pushed_authorization_requests',
  'response_modes_supported',
  'response_types_supported',
  'revocation_endpoint',
  'revocation_endpoint_auth_methods_supported',
  'revocation_endpoint_auth_signing_alg_values_supported',
  'scopes_supported',
  'subject_types_supported',
  'tls_client_certificate_bound_access_tokens',
  'token_endpoint',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'userinfo_endpoint',
] as const;

const wellKnown = '/.well-known/openid-configuration';

async function read(side: Side, path: string): Promise<Answer> {
  const answer = await fetch(side.issuer + path);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Lists are compared as sets, since their order has no meaning. Of the market's vocabulary only the presence is compared. */
function textOfMember(side: Side, member: string, value: unknown): string {
  const words = Array.isArray(value) ? value.map(String).toSorted() : undefined;
  if (words === undefined)
    return member === 'mtls_endpoint_aliases' && value !== undefined
      ? aliasesIn(side, value)
      : (textOf(side, value) ?? '(not there)');
  if (member === 'authorization_details_types_supported' && words.length > 1) return 'every type of the market';
  const own = words.filter((word) => member !== 'scopes_supported' || !word.includes(':'));
  return `${own.join(' ')}${own.length < words.length ? ' and those of the market' : ''}`;
}

function aliasesIn(side: Side, value: unknown): string {
  const urls = typeof value === 'object' && value !== null ? Object.values(value) : [];
  const elsewhere = urls.filter((url) => !String(url).startsWith(`${side.mtlsBase}/`));
  return elsewhere.length === 0 ? 'the endpoints under {mtls}' : String(elsewhere);
}

const metadata: readonly Case[] = [
  ...metadataMembers.map(
    (member): Case => ({
      name: `metadata: ${member}`,
      ask: async (side) => ({ value: textOfMember(side, member, membersOf(await read(side, wellKnown))[member]) }),
    }),
  ),
  ...[wellKnown, '/.well-known/oauth-authorization-server', '/jwks'].map(
    (path): Case => ({
      name: `${path}: the answer`,
      async ask(side) {
        const { members: _, ...observed } = observe(side, await read(side, path));
        return observed;
      },
    }),
  ),
  {
    name: '/jwks: members of the keys',
    async ask(side) {
      const { keys } = membersOf(await read(side, '/jwks'));
      const names = Array.isArray(keys) ? keys.flatMap((key: object) => Object.keys(key)) : [];
      return { value: [...new Set(names)].sort().join(' ') };
    },
  },
];

export const browserCases: readonly Case[] = [...authorizationEndpoint, ...userinfo, ...metadata];

/** Members in the metadata of a side that have no case. */
export async function unlistedMetadata(side: Side): Promise<readonly string[]> {
  const known: readonly string[] = metadataMembers;
  return Object.keys(membersOf(await read(side, wellKnown))).filter((name) => !known.includes(name));
}
