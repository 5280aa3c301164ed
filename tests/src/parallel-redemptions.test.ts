import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isCodedError } from '@countersign/kernel';
import { createProtection, createTransport, generateSigningKey } from '@countersign/sdk';
import { freePort, startTestServer, type TestServer } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { allowAll, askPerson, cibaGrant, redeemFields } from './testing/backchannel.ts';
import { type CodeFlow, codeFlow, createPkce, textIn } from './testing/code-flow.ts';
import { endAll, type ServerProcess, startServer } from './testing/command.ts';
import { configurationIn, type Operator, operatorOf } from './testing/control-plane.ts';
import { clientAssertionType } from './testing/credentials.ts';
import { doors } from './testing/firms.ts';
import { verdictOf } from './testing/negative-matrix.ts';
import { type Form, formOf, personBrowser } from './testing/person-browser.ts';
import { type Fields, type RawClient, rawClient } from './testing/raw-client.ts';
import { createCertificates, redirectUri, registerRelyingParties } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { openTrading, type Trading } from './testing/trading.ts';
import type { WireAnswer } from './testing/wire.ts';

// Two compiled processes and one database: a single-use value is accepted once, however many send it at the same time, to
// either process.

const folder = scratchFolder();
const times = 100;
let database: TestServer;
let processes: ServerProcess[];
let configurations: readonly [string, string];
let addresses: readonly [string, string];
let issuer: string;
let operator: Operator;
let trading: Trading;
let desk: RawClient;
let signer: RawClient;
let asker: RawClient;
let flow: CodeFlow;
let mandate: Awaited<ReturnType<Trading['grantMandates']>>['mandate'];

beforeAll(async () => {
  database = await startTestServer();
  const configuration = await configurationIn(folder.path, { database: database.connection });
  const port = await freePort();
  issuer = configuration.issuer;
  addresses = [issuer, `http://127.0.0.1:${port}`];
  const written = (name: string, content: object): string => {
    const file = join(folder.path, name);
    writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  };
  configurations = [
    written('first.json', configuration),
    written('second.json', { ...configuration, listen: { ...configuration.listen, port } }),
  ];
  processes = [await startServer(['--config', configurations[0]])];
  processes.push(await startServer(['--config', configurations[1]]));
  operator = operatorOf(folder.path, issuer);
  trading = await openTrading({ issuer, operator });
  const key = generateSigningKey();
  const parties = await registerRelyingParties({ issuer, operator }, trading, createCertificates(), {
    'desk-ciba': {
      jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] },
      kind: 'human',
      grant_types: [cibaGrant],
      backchannel_token_delivery_mode: 'poll',
      scopes: ['openid'],
      audiences: [`${issuer}/userinfo`],
    },
  });
  ({ mandate } = await trading.grantMandates());
  desk = rawClient({ issuer, id: 'desk-dpop', key: parties.keyOf('desk-dpop') });
  signer = rawClient({ issuer, id: 'desk-signed', key: parties.keyOf('desk-signed') });
  asker = rawClient({ issuer, id: 'desk-ciba', key });
  flow = codeFlow({ issuer, client: desk, browser: personBrowser(issuer), person: trading.firms.people.trader.id });
  // The second process must know it as well, before anything is counted.
  await vi.waitFor(
    async () => {
      for (const client of [desk, signer, asker])
        expect((await client.post('/token', [], { to: addresses[1] })).status).toBe(400);
    },
    { timeout: 60_000, interval: 200 },
  );
}, 120_000);
afterAll(async () => {
  await trading?.stop();
  await endAll();
  await database?.stop();
  folder.remove();
});

/** As many at once, alternating between the processes. */
const atOnce = (use: (to: string, index: number) => Promise<WireAnswer>): Promise<readonly WireAnswer[]> =>
  Promise.all(Array.from({ length: times }, (_, index) => use(addresses[index % 2 === 0 ? 0 : 1], index)));

/** Exactly one of them is accepted; all others get one of these refusals. */
function expectOneOf(answers: readonly WireAnswer[], ...refusals: readonly string[]): WireAnswer {
  const taken = answers.filter((answer) => verdictOf(answer) === 'accepted');
  expect(taken).toHaveLength(1);
  const told = new Set(answers.map(verdictOf).filter((verdict) => verdict !== 'accepted'));
  for (const verdict of told) expect(refusals).toContain(verdict);
  const [one] = taken;
  if (one === undefined) throw new Error('nobody was let through');
  return one;
}

/** An intent that the trader allows for the broker, with a refreshable grant. */
const forBroker = (): Fields => [
  ['scope', 'openid offline_access order:create'],
  ['resource', doors.broker],
  ['authorization_details', JSON.stringify([trading.order(mandate)])],
];

const broker = () => rawClient({ issuer, id: 'brk-orders', key: trading.firms.key('brk-orders') });
const active = async (token: string, to: string) =>
  (await broker().post('/introspect', [['token', token]], { to })).members['active'];

/** The result at a service of the broker, by the revocation list of one of the two. */
async function atService(token: string, to: string): Promise<string> {
  const transport = createTransport();
  const protection = createProtection({
    issuer,
    audience: doors.broker,
    transport: { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, to) }) },
  });
  const ath = createHash('sha256').update(token).digest('base64url');
  const dpop = [desk.proof(doors.broker, { htm: 'GET', ath })];
  try {
    const request = { method: 'GET', url: doors.broker, authorization: [`DPoP ${token}`], dpop };
    await protection.check(request, { scope: 'order:create' });
    return 'accepted';
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}

const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 60_000, interval: 50 });

describe('a hundred at once, on two processes,', () => {
  const machine: Fields = [
    ['grant_type', 'client_credentials'],
    ['resource', 'x'],
  ];
  const authenticated = '400 unauthorized_client grant_not_allowed';

  it('use one client assertion once', async () => {
    const assertion = desk.assertion();
    const fields: Fields = [
      ['client_assertion_type', clientAssertionType],
      ['client_assertion', assertion],
      ...machine,
    ];
    const told = (await atOnce((to) => desk.postOnly('/token', fields, { to }))).map(verdictOf);
    expect(told.filter((verdict) => verdict === authenticated)).toHaveLength(1);
    expect(told.filter((verdict) => verdict === '401 invalid_client client_assertion_replayed')).toHaveLength(
      times - 1,
    );
  });

  it('use one DPoP proof once', async () => {
    const dpop = [desk.proof(`${issuer}/token`)];
    const told = (await atOnce((to) => desk.post('/token', machine, { to, dpop }))).map(verdictOf);
    expect(told.filter((verdict) => verdict === authenticated)).toHaveLength(1);
    expect(told.filter((verdict) => verdict === '400 invalid_dpop_proof proof_replayed')).toHaveLength(times - 1);
  });

  it('push one request object once', async () => {
    const object = signer.requestObject({
      response_type: 'code',
      redirect_uri: redirectUri,
      code_challenge: createPkce().challenge,
      code_challenge_method: 'S256',
      scope: 'openid',
    });
    const answers = await atOnce((to) => signer.post('/par', [['request', object]], { to }));
    expectOneOf(answers, '400 invalid_request_object request_object_replayed');
    const pushed = await operator.records({ type: 'authorization.pushed' });
    expect(pushed.filter(({ client }) => client === signer.id)).toHaveLength(1);
  });

  it('get one code for one request URI', async () => {
    const uri = flow.urlOf(await flow.push(flow.request(createPkce())));
    const before = (await operator.records({ type: 'consent.given' })).length;
    const person = trading.firms.people.colleague.id;
    // Each in a browser of its own, all in front of the same consent page.
    const asked: { readonly browser: ReturnType<typeof personBrowser>; readonly form: Form }[] = [];
    for (let some = 0; some < times; some += 20)
      asked.push(
        ...(await Promise.all(
          Array.from({ length: 20 }, async (_, index) => {
            const browser = personBrowser(issuer, addresses[index % 2 === 0 ? 0 : 1]);
            const signIn = await browser.open(uri);
            const consent = await browser.submit(formOf(signIn, 'sign-in'), { person });
            return { browser, form: formOf(consent) };
          }),
        )),
      );
    const visits = await Promise.all(asked.map(({ browser, form }) => browser.submit(form, { decision: 'allow' })));
    const codes = visits.filter(({ leaves }) => leaves?.searchParams.get('code') != null);
    expect(codes).toHaveLength(1);
    for (const { leaves, status, body } of visits.filter((visit) => !codes.includes(visit))) {
      expect([status, leaves]).toEqual([400, undefined]);
      expect(body).toContain('request_uri_used');
    }
    expect(await operator.records({ type: 'consent.given' })).toHaveLength(before + 1);
  });

  it('redeem one code once, and the token from it is revoked', async () => {
    const allowed = await flow.allow(forBroker());
    const answers = await atOnce((to) => flow.redeem(allowed, [['scope', 'order:create offline_access']], { to }));
    const one = expectOneOf(answers, '400 invalid_grant code_replayed', '400 invalid_grant grant_ended');
    const [token, refreshToken] = [textIn(one, 'access_token'), textIn(one, 'refresh_token')];
    for (const to of addresses) {
      await eventually(async () => expect(await active(token, to)).toBe(false));
      expect(verdictOf(await flow.refresh(refreshToken, [], { to }))).toBe('400 invalid_grant grant_ended');
      await eventually(async () => expect(await atService(token, to)).toBe('token_revoked'));
      expect(verdictOf(await flow.redeem(allowed, [], { to }))).toBe('400 invalid_grant code_replayed');
    }
  });

  it('redeem one id of a backchannel request once', async () => {
    const person = trading.firms.people.trader.id;
    const asked = await askPerson(asker, { scope: 'openid', binding_message: 'A1', login_hint: person });
    expect(await allowAll(personBrowser(issuer), issuer, person)).toBe(1);
    const fields = redeemFields(textIn(asked, 'auth_req_id'));
    expectOneOf(await atOnce((to) => asker.post('/token', fields, { to })), '400 invalid_grant auth_req_id_redeemed');
  });
});

describe('a hundred concurrent refreshes on two processes', () => {
  it('all succeed, each with its own token and record; after one revocation none does', async () => {
    const redeemed = await flow.redeem(await flow.allow(forBroker()));
    const refreshToken = textIn(redeemed, 'refresh_token');
    const before = (await operator.records({ type: 'token.issued' })).filter(({ client }) => client === desk.id).length;
    // No rotation (FAPI 2.0 Security Profile section 5.3.2.1): a refresh uses nothing up.
    const answers = await atOnce((to) => flow.refresh(refreshToken, [['scope', 'order:create']], { to }));
    expect(new Set(answers.map(verdictOf))).toEqual(new Set(['accepted']));
    const tokens = new Set(answers.map((answer) => textIn(answer, 'access_token')));
    expect(tokens.size).toBe(times);
    expect(answers.some(({ members }) => 'refresh_token' in members)).toBe(false);
    const issued = (await operator.records({ type: 'token.issued' })).filter(({ client }) => client === desk.id);
    expect(issued).toHaveLength(before + times);

    const [first = ''] = tokens;
    for (const to of addresses) expect(await atService(first, to)).toBe('accepted');
    expect(verdictOf(await desk.post('/revoke', [['token', refreshToken]], { to: addresses[1] }))).toBe('accepted');
    const again = await atOnce((to) => flow.refresh(refreshToken, [['scope', 'order:create']], { to }));
    expect(new Set(again.map(verdictOf))).toEqual(new Set(['400 invalid_grant grant_ended']));
    for (const to of addresses) {
      await eventually(async () => expect(await active(first, to)).toBe(false));
      expect(await Promise.all([...tokens].slice(-10).map((token) => active(token, to)))).not.toContain(true);
      await eventually(async () => expect(await atService(first, to)).toBe('token_revoked'));
    }
  });
});

describe('a value used before a restart', () => {
  it('is still used up afterwards: an assertion, a proof, a code, a request object', async () => {
    const assertion = desk.assertion({ exp: Math.floor(Date.now() / 1000) + 120 });
    const fields: Fields = [
      ['client_assertion_type', clientAssertionType],
      ['client_assertion', assertion],
    ];
    const dpop = [desk.proof(`${issuer}/token`)];
    const allowed = await flow.allow();
    const object = signer.requestObject({
      response_type: 'code',
      redirect_uri: redirectUri,
      code_challenge: createPkce().challenge,
      code_challenge_method: 'S256',
      scope: 'openid',
    });
    const to = addresses[1];
    const use = async () => [
      verdictOf(await desk.postOnly('/token', fields, { to })),
      verdictOf(await desk.post('/token', [], { to, dpop })),
      verdictOf(await flow.redeem(allowed, [], { to })),
      verdictOf(await signer.post('/par', [['request', object]], { to })),
    ];
    const missing = '400 invalid_request parameter_missing';
    expect(await use()).toEqual([missing, missing, 'accepted', 'accepted']);
    expect(await processes[1]?.end('SIGTERM')).toBe(0);
    processes[1] = await startServer(['--config', configurations[1]]);
    expect(await use()).toEqual([
      '401 invalid_client client_assertion_replayed',
      '400 invalid_dpop_proof proof_replayed',
      '400 invalid_grant code_replayed',
      '400 invalid_request_object request_object_replayed',
    ]);
  });

  it('and neither process has logged an internal error', () => {
    for (const server of processes) expect(server.said()).not.toContain('by a fault of ours');
  });
});
