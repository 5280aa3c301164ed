import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { isCodedError } from '@countersign/kernel';
import { createProtection, generateSigningKey } from '@countersign/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { textIn } from '../testing/code-flow.ts';
import { accessTokenType, clientAssertionType, exchangeGrant, jwtBearerGrant } from '../testing/credentials.ts';
import { doors, leis } from '../testing/firms.ts';
import { mint } from '../testing/mint.ts';
import { expectVerdict, faultsIn } from '../testing/negative-matrix.ts';
import { type Change, claimsIn, type Fields, type RawClient, seconds, signJwt } from '../testing/raw-client.ts';
import { codeOf } from '../testing/refusal.ts';

// Delegated authority (7) and delegated trust (10); the numbers are those of the hardest behaviours. What an exchange may
// narrow is in `workflow-in-process`; certificate chains are tested in `foundation/runtime` (certificate-chain), rotated keys
// of clients and partners where they are fetched.

let world: AuthorizationWorld;
let keys: Awaited<ReturnType<typeof keyServer>>;

beforeAll(async () => {
  keys = await keyServer();
  world = await openAuthorizationWorld((issuer) => {
    const fetched = (path: string) => ({
      jwks: undefined,
      jwks_uri: `${keys.origin}${path}`,
      grant_types: ['client_credentials'],
      scopes: ['settlement:read'],
      audiences: [`${issuer}/transactions`],
    });
    return {
      'rolls-keys': fetched('/good'),
      redirects: fetched('/redirect'),
      'too-large': fetched('/large'),
      'no-json': fetched('/html'),
      private: fetched('/private'),
      internal: { ...fetched(''), jwks_uri: 'https://169.254.169.254/latest/meta-data' },
      neighbour: { ...fetched(''), jwks_uri: 'https://10.0.0.1/jwks' },
    };
  });
  subject = await traderToken();
});
afterAll(async () => {
  await world?.stop();
  await keys?.stop();
});

let subject: string;
const broker = () => world.firm('brk-orders');

async function traderToken(): Promise<string> {
  const answer = await world.firm('ha-oms').post('/token', [
    ['grant_type', jwtBearerGrant],
    ['assertion', await world.trading.assertion()],
    ['resource', doors.broker],
    ['scope', 'order:create settlement:instruct'],
    ['authorization_details', JSON.stringify([world.trading.order(world.mandate)])],
  ]);
  return textIn(answer, 'access_token');
}

const exchange = (token: string, fields: Fields = [['resource', doors.venue]], client: RawClient = broker()) =>
  client.post('/token', [
    ['grant_type', exchangeGrant],
    ['subject_token', token],
    ['subject_token_type', accessTokenType],
    ...fields,
  ]);

/** The answer of the broker's enforcement point to a token that its holder presents correctly. */
async function protectedBy(token: string): Promise<string> {
  const ath = createHash('sha256').update(token).digest('base64url');
  const dpop = [world.firm('ha-oms').proof(doors.broker, { htm: 'GET', ath })];
  const request = { method: 'GET', url: doors.broker, authorization: [`DPoP ${token}`], dpop };
  const protection = createProtection({ issuer: world.issuer, audience: doors.broker });
  try {
    await protection.check(request, { scope: 'order:create' });
    return 'accepted';
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}
const introspected = async (token: string) => (await broker().post('/introspect', [['token', token]])).body;

const chain = (...actors: readonly string[]) =>
  actors.reduceRight<object | undefined>((act, sub) => ({ sub, ...(act === undefined ? {} : { act }) }), undefined);

describe('7: a token with changed claims is invalid everywhere', () => {
  it('as issued it is valid everywhere', async () => {
    expect(await protectedBy(subject)).toBe('accepted');
    expect(JSON.parse(await introspected(subject))).toMatchObject({ active: true });
    expectVerdict(await exchange(subject), 'accepted');
  });

  // Signed with the control plane's own key: it must be refused for its content, even with a valid signature.
  it.each<readonly [string, () => Change, string]>([
    [
      'five actors',
      () => ({ act: chain('service:a', 'service:b', 'service:c', 'service:d', 'service:e') }),
      'token_invalid',
    ],
    ['an actor twice', () => ({ act: chain('service:a', 'service:b', 'service:a') }), 'token_invalid'],
    ['an actor without a name', () => ({ act: { act: { sub: 'service:a' } } }), 'token_invalid'],
    ['an actor of something else', () => ({ act: { sub: 'service:a', client_id: 'b' } }), 'token_invalid'],
    ['an actor that is a list', () => ({ act: [{ sub: 'service:a' }] }), 'token_invalid'],
    ['an actor that is text', () => ({ act: 'service:a' }), 'token_invalid'],
    [
      'a hundred actors',
      () => ({ act: chain(...Array.from({ length: 100 }, (_, index) => `service:a${index}`)) }),
      'token_invalid',
    ],
    ['a may_act that is text', () => ({ may_act: 'brk-orders' }), 'token_invalid'],
    ['a list of audiences', () => ({ aud: [doors.broker, doors.venue] }), 'token_audience'],
    ['another issuer', () => ({ iss: 'https://another.example' }), 'token_issuer'],
    ['a longer life', () => ({ exp: Number(claimsIn(subject)['iat']) + 301 }), 'token_invalid'],
    ['no end', () => ({ exp: undefined }), 'token_invalid'],
    ['an end in the past', () => ({ iat: seconds() - 200, exp: seconds() - 1 }), 'token_expired'],
    ['a beginning in the future', () => ({ nbf: seconds() + 30 }), 'token_invalid'],
    ['an intent of another form', () => ({ authorization_details: [{ type: 'order' }] }), 'token_invalid'],
    ['two bindings', () => ({ cnf: { jkt: 'A'.repeat(43), 'x5t#S256': 'A'.repeat(43) } }), 'token_invalid'],
    ['no binding', () => ({ cnf: undefined }), 'token_invalid'],
    ['no client', () => ({ client_id: undefined }), 'token_invalid'],
    ['no record of its issue', () => ({ evidence: undefined }), 'token_invalid'],
  ])('with %s', async (_, change, code) => {
    const token = await mint(world.controlPlane, subject, change());
    expect(await protectedBy(token)).toBe(code);
    expect(await introspected(token)).toBe('{"active":false}');
    expectVerdict(await exchange(token), `400 invalid_request ${code}`, [['subject_token', token]]);
  });

  it.each<readonly [string, () => Promise<string>, string]>([
    ['with the actor taken out', async () => forged({ act: undefined }), 'token_signature'],
    ['with another actor', async () => forged({ act: { sub: 'service:brk-orders' } }), 'token_signature'],
    [
      'signed by a stranger',
      async () => signJwt(generateSigningKey(), await headerOf(), claimsIn(subject)),
      'token_signature',
    ],
    ['of the type of an ID token', () => mint(world.controlPlane, subject, {}, { typ: 'JWT' }), 'token_type'],
    [
      'of the type of a transaction token',
      () => mint(world.controlPlane, subject, {}, { typ: 'txntoken+jwt' }),
      'token_type',
    ],
  ])('%s', async (_, token, code) => {
    const forgery = await token();
    expect(await protectedBy(forgery)).toBe(code);
    expect(await introspected(forgery)).toBe('{"active":false}');
    expectVerdict(await exchange(forgery), `400 invalid_request ${code}`);
  });

  it.each(['id-token', 'transaction-token'] as const)('signed with the key of another purpose: %s', async (purpose) => {
    const forgery = await mint(world.controlPlane, subject, {}, { purpose });
    expect(await introspected(forgery)).toBe('{"active":false}');
    expectVerdict(await exchange(forgery), '400 invalid_request token_key_unknown');
  });

  /** Other claims under the original signature. */
  function forged(change: Change): string {
    const [header, , signature] = subject.split('.');
    const payload = JSON.stringify({ ...claimsIn(subject), ...change });
    return `${header}.${Buffer.from(payload).toString('base64url')}.${signature}`;
  }
  async function headerOf() {
    const { kid } = await world.controlPlane.components.signers['access-token'].current('access-token');
    return { alg: 'ES256', typ: 'at+jwt', kid };
  }
});

describe('7: an exchange', () => {
  it('names every actor in the chain, and introspection returns all of them', async () => {
    const handed = textIn(await exchange(subject), 'access_token');
    const act = { sub: 'service:brk-orders', act: { sub: 'service:ha-oms' } };
    expect(claimsIn(handed)).toMatchObject({ sub: 'person:anna.keller', act, lei: leis.arranger });
    const told = await world.firm('ven-matching').post('/introspect', [['token', handed]]);
    expect(told.members).toMatchObject({ active: true, act });
  });

  it('is refused to everybody but the recipient of the token', async () => {
    // clr-core may exchange tokens, but not this one; ha-oms may not even exchange its own.
    expectVerdict(
      await exchange(subject, [['resource', doors.custodian]], world.firm('clr-core')),
      '400 invalid_request token_audience',
    );
    expectVerdict(
      await exchange(subject, [['resource', doors.venue]], world.firm('ha-oms')),
      '400 unauthorized_client grant_not_allowed',
    );
  });

  it('stops at the fourth actor and never returns to an actor already in the chain', async () => {
    const three = await mint(world.controlPlane, subject, { act: chain('service:a', 'service:b', 'service:c') });
    expect(claimsIn(textIn(await exchange(three), 'access_token'))['act']).toEqual(
      chain('service:brk-orders', 'service:a', 'service:b', 'service:c'),
    );
    const four = await mint(world.controlPlane, subject, {
      act: chain('service:a', 'service:b', 'service:c', 'service:d'),
    });
    expectVerdict(await exchange(four), '400 invalid_request act_too_deep');
    const loop = await mint(world.controlPlane, subject, { act: chain('service:a', 'service:brk-orders') });
    expectVerdict(await exchange(loop), '400 invalid_request act_loop');
    const own = await mint(world.controlPlane, subject, { sub: 'service:brk-orders', act: undefined });
    expectVerdict(await exchange(own), '400 invalid_request act_loop');
  });

  // The request has no actor_token: the token's content counts, not the form of the request.
  it.each<readonly [string, Change, string]>([
    ['another client', { client_id: 'clr-core' }, '400 invalid_request actor_not_allowed'],
    ['another principal', { sub: 'service:clr-core' }, '400 invalid_request actor_not_allowed'],
    ['nobody', {}, '400 invalid_request actor_not_allowed'],
    [
      'this client at another issuer',
      { client_id: 'brk-orders', iss: 'https://another.example' },
      '400 invalid_request actor_not_allowed',
    ],
    [
      'this client and an unknown condition',
      { client_id: 'brk-orders', until: 'noon' },
      '400 invalid_request actor_not_allowed',
    ],
    ['one of two clients', { client_id: ['brk-orders', 'clr-core'] }, '400 invalid_request actor_not_allowed'],
    ['this client', { client_id: 'brk-orders' }, 'accepted'],
    ['this principal', { sub: 'service:brk-orders' }, 'accepted'],
  ])('of a token that %s may act for', async (_, may_act, verdict) => {
    expectVerdict(await exchange(await mint(world.controlPlane, subject, { may_act })), verdict);
  });

  it('outlives neither the token that it continues nor five minutes', async () => {
    const ends = seconds() + 20;
    const short = await mint(world.controlPlane, subject, { iat: seconds() - 1, exp: ends });
    const { members } = await exchange(short);
    expect(claimsIn(String(members['access_token']))['exp']).toBe(ends);
    expect(Number(members['expires_in'])).toBeLessThanOrEqual(20);
  });

  it('gives no refresh token and no ID token, and states the issued type (RFC 8693 section 2.2.1)', async () => {
    const { members } = await exchange(subject);
    expect(members).toMatchObject({ issued_token_type: accessTokenType, token_type: 'DPoP' });
    expect(members).not.toHaveProperty('refresh_token');
    expect(members).not.toHaveProperty('id_token');
  });
});

describe('10: keys fetched from a client’s address', () => {
  const ask = (id: string, key = keys.key) => {
    const { issuer } = world;
    const claims = {
      iss: id,
      sub: id,
      aud: issuer,
      jti: createHash('sha256').update(`${id}${Math.random()}`).digest('hex'),
      exp: seconds() + 60,
    };
    return world.firm('brk-orders').postOnly('/token', [
      ['client_assertion_type', clientAssertionType],
      ['client_assertion', signJwt(key, { alg: 'ES256', kid: key.kid }, claims)],
      ['grant_type', 'client_credentials'],
      ['resource', `${issuer}/transactions`],
      ['scope', 'settlement:read'],
    ]);
  };
  const noKey = '401 invalid_client client_assertion_key';

  it('are used when they can be fetched', async () => {
    expectVerdict(await ask('rolls-keys'), 'accepted');
  });

  it('are not fetched again for requests with an unpublished key', async () => {
    const before = keys.visits('/good');
    for (let again = 0; again < 5; again++) expectVerdict(await ask('rolls-keys', generateSigningKey()), noKey);
    expect(keys.visits('/good')).toBeLessThanOrEqual(before + 1);
  });

  it.each([
    ['an address that leads on to another', 'redirects'],
    ['more than a key set can be', 'too-large'],
    ['something that is not JSON', 'no-json'],
    ['a private key', 'private'],
    ['the metadata of a cloud', 'internal'],
    ['a neighbour in a private network', 'neighbour'],
  ])('are not accepted from %s', async (_, id) => {
    expectVerdict(await ask(id), noKey);
  });

  it('and the address that a redirect named was never visited', () => {
    expect(keys.visits('/redirect')).toBeGreaterThan(0);
    expect(keys.visits('/elsewhere')).toBe(0);
  });

  it.each([
    'http://169.254.169.254/latest',
    'http://10.0.0.1/jwks',
    'http://desk.example/jwks',
    'https://user:password@desk.example/jwks',
    'https:desk.example/jwks',
    'file:///etc/passwd',
    'https://desk.example/jwks#key',
  ])('cannot be registered at %s', async (jwks_uri) => {
    const client = {
      id: 'another',
      institution: leis.arranger,
      principal: 'service:ha-oms',
      jwks_uri,
      grant_types: ['client_credentials'],
      scopes: ['settlement:read'],
      audiences: [`${world.issuer}/transactions`],
    };
    const apply = () =>
      world.controlPlane.operator.call('directory', 'directory:apply', {
        method: 'POST',
        path: '/directory/apply',
        body: { clients: [client] },
      });
    expect(await codeOf(apply)).toMatch(/^(?:client_metadata_invalid|directory_file_invalid)$/);
  });
});

describe('10: keys of a firm’s identity provider', () => {
  // The resolved address is checked at the connection (`components/federation-gateway`, outbound).
  it.each([
    ['https://169.254.169.254', 'https://169.254.169.254/latest'],
    ['https://10.0.0.1', 'https://10.0.0.1/jwks'],
    ['https://[::ffff:a9fe:a9fe]', 'https://[::ffff:a9fe:a9fe]/jwks'],
    ['http://idp.example', 'http://idp.example/jwks'],
    ['https://idp.example', 'https://elsewhere.example/jwks'],
    ['https://idp.example', 'https://user:password@idp.example/jwks'],
    ['https://idp.example', 'https://idp.example/jwks#key'],
    ['https://idp.example', 'https://idp.example/a/../jwks'],
    ['https://idp.example', 'file:///etc/passwd'],
    ['https://idp.example', '//idp.example/jwks'],
    ['https://idp.example.', 'https://idp.example./jwks'],
  ])('of %s cannot be registered at %s', async (issuer, jwks_uri) => {
    const register = () => world.controlPlane.operator.trust({ ...world.trading.firms.trustProfile, issuer, jwks_uri });
    expect(await codeOf(register)).toBe('profile_invalid');
  });

  it('cannot vouch for a person of another firm than the client', async () => {
    // The broker trusts nobody of the arranger's people to act through its own software.
    const answer = await broker().post('/token', [
      ['grant_type', jwtBearerGrant],
      ['assertion', await world.trading.assertion()],
      ['resource', doors.venue],
      ['scope', 'order:create'],
    ]);
    expectVerdict(answer, '400 invalid_grant assertion_institution');
  });
});

it('nothing of this failed with an internal error', () => {
  expect(faultsIn(world.logged())).toEqual([]);
});

/** Key sets of every kind, valid and invalid, with a count of requests. */
async function keyServer() {
  const key = generateSigningKey();
  const visits = new Map<string, number>();
  const json = (response: ServerResponse, body: unknown): void => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body));
  };
  const published = { ...key.publicJwk, kid: key.kid };
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    '/good': (response) => json(response, { keys: [published] }),
    '/elsewhere': (response) => json(response, { keys: [published] }),
    '/private': (response) => json(response, { keys: [{ ...key.privateJwk, kid: key.kid }] }),
    '/large': (response) => json(response, { keys: [published], padding: 'x'.repeat(100_000) }),
    '/html': (response) => {
      response.setHeader('content-type', 'text/html');
      response.end(JSON.stringify({ keys: [published] }));
    },
    '/redirect': (response) => {
      response.writeHead(302, { location: '/elsewhere' });
      response.end();
    },
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    visits.set(path, (visits.get(path) ?? 0) + 1);
    (answers[path] ?? ((missing) => json(missing, {})))(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    key,
    origin: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    visits: (path: string) => visits.get(path) ?? 0,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
