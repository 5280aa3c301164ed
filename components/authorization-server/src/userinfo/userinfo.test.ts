import { newId, systemRandom } from '@countersign/kernel';
import { makeKey, type SigningKey, signJws } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ath, type CodeFlowWorld, createCodeFlowWorld } from '../testing/code-flow-world.ts';
import { broker, venueOrders } from '../testing/trading-world.ts';

let world: CodeFlowWorld;
const key = makeKey();
beforeAll(async () => {
  world = await createCodeFlowWorld();
});
afterAll(() => world.close());
afterEach(() => world.audit.repair());

const from = () => ({ clock: world.clock, random: systemRandom });
const url = () => `${world.issuer}/userinfo`;

/** An access token as the token endpoint makes it for an ordinary relying party: bound to nothing. */
function token(change: object = {}): string {
  const [signing] = world.signer.keys;
  if (signing === undefined) throw new Error('no key');
  const claims = {
    iss: world.issuer,
    sub: 'person:anna.keller',
    aud: url(),
    client_id: 'dashboard',
    iat: world.seconds(),
    exp: world.seconds() + 300,
    jti: newId('token', from()),
    scope: 'openid',
    lei: broker,
    policy_version: 1,
    evidence: newId('record', from()),
    ...change,
  };
  return signJws(signing, { alg: 'ES256', typ: 'at+jwt', kid: signing.kid }, claims);
}
const bound = (change: object = {}) => token({ client_id: 'trading-desk', cnf: { jkt: key.kid }, ...change });
const proofFor = (accessToken: string, method = 'GET', by: SigningKey = key) =>
  world.proof(by, { htm: method, htu: url(), ath: ath(accessToken) });

async function ask(headers: Readonly<Record<string, string>>, method: 'GET' | 'POST' = 'GET') {
  const answer = await world.app.inject({ method, url: '/userinfo', headers });
  return { status: answer.statusCode, challenge: answer.headers['www-authenticate'], body: answer.json() as unknown };
}
const bearer = (accessToken: string) => ({ authorization: `Bearer ${accessToken}` });
const dpop = (accessToken: string, method = 'GET') => ({
  authorization: `DPoP ${accessToken}`,
  dpop: proofFor(accessToken, method),
});

describe('userinfo', () => {
  it.each(['GET', 'POST'] as const)('returns the subject by %s, and no personal claims', async (method) => {
    const known = { sub: 'person:anna.keller', lei: broker, roles: ['trader'] };
    expect(await ask(bearer(token()), method)).toEqual({ status: 200, body: known });
    expect(await ask(dpop(bound(), method), method)).toEqual({ status: 200, body: known });
  });

  it('returns name and address to a client that was allowed them, each by its own scope, while it is registered for it', async () => {
    const known = { sub: 'person:anna.keller', lei: broker, roles: ['trader'] };
    const name = { name: 'Anna Keller' };
    const email = { email: 'anna.keller@broker.example', email_verified: false };
    world.world.personal.set('person:anna.keller', { ...name, email: email.email });
    world.world.changeClient('dashboard', { scopes: ['openid', 'offline_access', 'profile', 'email'] });
    const of = async (scope: string) => (await ask(bearer(token({ scope })))).body;
    expect(await of('openid')).toEqual(known);
    expect(await of('openid profile')).toEqual({ ...known, ...name });
    expect(await of('openid email')).toEqual({ ...known, ...email });
    expect(await of('openid profile email')).toEqual({ ...known, ...name, ...email });
    world.world.changeClient('dashboard', { scopes: ['openid', 'offline_access', 'email'] });
    expect(await of('openid profile email')).toEqual({ ...known, ...email });
    world.world.changeClient('dashboard', { profile: 'fapi2' });
    expect(await of('openid profile email')).toEqual(known);
    world.world.changeClient('dashboard', { profile: 'oidc', scopes: ['openid', 'offline_access'] });
    world.world.personal.clear();
  });

  it.each([
    ['nothing', () => ({}), 401, 'token_missing'],
    ['a token bound to a key, as Bearer', () => bearer(bound()), 401, 'token_scheme'],
    ['a bound token without its proof', () => ({ authorization: `DPoP ${bound()}` }), 401, 'proof_missing'],
    [
      'an unbound token of software that trades for its interface',
      () => bearer(token({ aud: venueOrders })),
      401,
      undefined,
    ],
    ['a token for another audience', () => dpop(bound({ aud: venueOrders })), 401, 'token_audience'],
    [
      'an expired token',
      () => bearer(token({ iat: world.seconds() - 300, exp: world.seconds() })),
      401,
      'token_expired',
    ],
    ['something that is not a token', () => bearer('abc'), 401, 'token_invalid'],
    ['a token of somebody who has left', () => bearer(token({ sub: 'person:gone' })), 401, 'token_revoked'],
    ['a token without openid', () => bearer(token({ scope: 'offline_access' })), 403, 'insufficient_scope'],
  ])('refuses %s', async (_, headers, status, reason) => {
    const answer = await ask(headers());
    expect(answer.status).toBe(status);
    if (reason !== undefined) expect(answer.body).toMatchObject({ reason });
    expect(answer.challenge).toMatch(/^(?:DPoP|Bearer) /);
  });

  it('challenges with the attempted scheme, and with both if there was none', async () => {
    expect((await ask({})).challenge).toBe('Bearer scope="openid", DPoP scope="openid", algs="ES256 EdDSA PS256"');
    expect((await ask(bearer('abc'))).challenge).toBe('Bearer error="invalid_token"');
    expect((await ask(bearer(token({ scope: 'offline_access' })))).challenge).toBe(
      'Bearer error="insufficient_scope", scope="openid"',
    );
    const accessToken = bound();
    expect((await ask({ authorization: `DPoP ${accessToken}`, dpop: world.proof(key) })).challenge).toContain(
      'error="invalid_dpop_proof"',
    );
  });

  it('accepts a proof once among twenty simultaneous requests', async () => {
    const headers = dpop(bound());
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(headers)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => (body as { reason?: string }).reason === 'proof_replayed')).toHaveLength(19);
  });

  it('refuses a token that was revoked', async () => {
    const accessToken = token();
    const [, payload = ''] = accessToken.split('.');
    const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { jti: string };
    await world.revocations.revoke({ kind: 'token', id: jti }, { id: 'person:anna.keller' }, 'test');
    expect((await ask(bearer(accessToken))).body).toMatchObject({ reason: 'token_revoked' });
  });

  it('refuses a token in the body or the URL', async () => {
    const inBody = await world.app.inject({
      method: 'POST',
      url: '/userinfo',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `access_token=${token()}`,
    });
    const inAddress = await world.app.inject({ method: 'GET', url: `/userinfo?access_token=${token()}` });
    expect([inBody.statusCode, inAddress.statusCode]).toEqual([401, 401]);
  });
});
