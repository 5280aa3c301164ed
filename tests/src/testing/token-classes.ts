import { createServer } from 'node:http';
import { signApproval } from '@countersign/sdk';
import { type AuthorizationWorld, openAuthorizationWorld, type WorldOptions } from './authorization-world.ts';
import { allowAll, askPerson, cibaGrant } from './backchannel.ts';
import { createPkce, textIn } from './code-flow.ts';
import { jwtBearerGrant } from './credentials.ts';
import { doors, leis } from './firms.ts';
import { personBrowser } from './person-browser.ts';
import { claimsIn, type Fields } from './raw-client.ts';
import { redirectUri } from './relying-parties.ts';
import { send } from './wire.ts';

/** An interface of the broker that takes opaque tokens. Nothing listens there. */
export const opaqueDoor = 'https://broker.example/reports';

/** A fresh order placed there and continued at the venue, in the form of a token request. */
export const opaqueOrder = ({ trading, mandate }: Pick<AuthorizationWorld, 'trading' | 'mandate'>): Fields[number] => [
  'authorization_details',
  JSON.stringify([trading.order(mandate, { locations: [opaqueDoor, doors.venue] })]),
];

export const tokenClasses = [
  'access token for a firm',
  'access token for one of our own interfaces',
  'access token for userinfo',
  'reference to an access token',
  'refresh token',
  'ID token',
  'code',
  'request URI',
  'request object',
  'client assertion',
  'DPoP proof',
  'authorization response (JARM)',
  'logout token',
  'introspection response',
  'list of revocations',
  'approval of an order',
  "assertion of a firm's identity provider",
  'id of a backchannel request',
] as const;
export type TokenClass = (typeof tokenClasses)[number];

export interface TokenClassWorld extends AuthorizationWorld {
  /** One of each, not expired; single-use ones are unused. */
  readonly tokens: Readonly<Record<TokenClass, string>>;
  /** The order of the first of them. */
  readonly transaction: string;
}

/** A control plane that has issued or accepted one token of every class. */
export async function openTokenClassWorld(options: WorldOptions = {}): Promise<TokenClassWorld> {
  const logout = await logoutReceiver();
  const world = await openAuthorizationWorld((issuer) => {
    const scopes = ['openid', 'offline_access', 'order:create'];
    const of = { kind: 'human', scopes, audiences: [doors.broker, `${issuer}/userinfo`] };
    return {
      'desk-logout': {
        ...of,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [redirectUri],
        backchannel_logout_uri: logout.uri,
        post_logout_redirect_uris: ['https://desk.example/goodbye'],
      },
      'desk-ciba': { ...of, grant_types: [cibaGrant], backchannel_token_delivery_mode: 'poll' },
    };
  }, options);
  const { issuer, controlPlane, trading, mandate } = world;
  const document = trading.firms.directoryDocument();
  await controlPlane.operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: {
      resources: [{ uri: opaqueDoor, institution: leis.broker, scopes: ['order:create'], token_format: 'opaque' }],
      clients: (document['clients'] ?? [])
        .filter(({ id }) => id === 'ha-oms')
        .map((client) => ({ ...client, audiences: [doors.broker, opaqueDoor] })),
    },
  });

  const desk = world.party('desk-dpop');
  const trader = trading.firms.people.trader;
  const broker = world.firm('brk-orders');
  /** For the trader, with an assertion of their firm. */
  const traderToken = async (resource: string, intent: Fields[number]) =>
    textIn(
      await world
        .firm('ha-oms')
        .post('/token', [
          ['grant_type', jwtBearerGrant],
          ['assertion', await trading.assertion()],
          ['resource', resource],
          ['scope', 'order:create'],
          intent,
        ]),
      'access_token',
    );
  const accessToken = await traderToken(doors.broker, [
    'authorization_details',
    JSON.stringify([trading.order(mandate)]),
  ]);
  const { txn, intent_digest } = claimsIn(accessToken);
  const machineToken = await broker.post('/token', [
    ['grant_type', 'client_credentials'],
    ['resource', `${issuer}/decisions`],
    ['scope', 'decision:evaluate'],
  ]);

  const flow = world.flow(desk);
  const redeemed = await flow.redeem(await flow.allow([['scope', 'openid offline_access']]));
  const signer = world.party('desk-signed');
  const parameters = {
    response_type: 'code',
    redirect_uri: redirectUri,
    code_challenge: createPkce().challenge,
    code_challenge_method: 'S256',
    scope: 'openid',
  };
  const pushed = await signer.post('/par', [['request', signer.requestObject(parameters)]]);
  const signedAnswer = await personBrowser(issuer).authorize(world.flow(signer).urlOf(textIn(pushed, 'request_uri')), {
    person: trader.id,
  });
  const introspected = await broker.post('/introspect', [['token', accessToken]], {
    headers: { accept: 'application/token-introspection+jwt' },
  });
  const ciba = world.own('desk-ciba');
  const asked = await askPerson(ciba, { login_hint: trader.id, scope: 'openid', binding_message: 'A1' });
  await allowAll(personBrowser(issuer), issuer, trader.id);

  const tokens: Readonly<Record<TokenClass, string>> = {
    'access token for a firm': accessToken,
    'access token for one of our own interfaces': textIn(machineToken, 'access_token'),
    'access token for userinfo': textIn(redeemed, 'access_token'),
    'reference to an access token': await traderToken(opaqueDoor, opaqueOrder(world)),
    'refresh token': textIn(redeemed, 'refresh_token'),
    'ID token': textIn(redeemed, 'id_token'),
    'logout token': await logoutToken(world, logout.received),
    'request object': signer.requestObject(parameters),
    'client assertion': desk.assertion(),
    'DPoP proof': desk.proof(`${issuer}/token`),
    'authorization response (JARM)': signedAnswer.searchParams.get('response') ?? '',
    'introspection response': introspected.body,
    'list of revocations': (await send({ method: 'GET', url: `${issuer}/revocations` })).body,
    'approval of an order': await signApproval(
      {
        approver: trading.firms.people.supervisor.id,
        transaction: String(txn),
        intentDigest: String(intent_digest),
        lifeSeconds: 600,
      },
      trading.firms.people.supervisor.approvalKey,
    ),
    "assertion of a firm's identity provider": await trading.assertion(),
    'request URI': await flow.push(flow.request(createPkce())),
    'id of a backchannel request': textIn(asked, 'auth_req_id'),
    code: (await flow.allow()).code,
  };
  return {
    ...world,
    tokens,
    transaction: String(txn),
    async stop() {
      await world.stop();
      await logout.stop();
    },
  };
}

async function logoutToken(world: AuthorizationWorld, received: Promise<string>): Promise<string> {
  const client = world.own('desk-logout');
  const browser = personBrowser(world.issuer);
  const flow = world.flow(client);
  const pkce = createPkce();
  const answer = await browser.authorize(flow.urlOf(await flow.push(flow.request(pkce))), {
    person: world.trading.firms.people.trader.id,
  });
  const redeemed = await flow.redeem({ ...pkce, code: answer.searchParams.get('code') ?? '' });
  const query = new URLSearchParams({ id_token_hint: textIn(redeemed, 'id_token') });
  await browser.open(`${world.issuer}/logout?${query.toString()}`);
  return received;
}

/** Receives the logout token that tells a client that a session has ended (Back-Channel Logout section 2.5). */
async function logoutReceiver(): Promise<{
  readonly uri: string;
  readonly received: Promise<string>;
  stop(): Promise<void>;
}> {
  let receive: (token: string) => void = () => undefined;
  const received = new Promise<string>((resolve) => {
    receive = resolve;
  });
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8');
    });
    request.on('end', () => {
      receive(new URLSearchParams(body).get('logout_token') ?? '');
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    uri: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/logout`,
    received,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
