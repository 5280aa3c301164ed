import { createHash } from 'node:crypto';
import { isCodedError } from '@countersign/kernel';
import { createProtection } from '@countersign/sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { textIn } from '../testing/code-flow.ts';
import { accessTokenType, exchangeGrant, jwtBearerGrant } from '../testing/credentials.ts';
import { doors, leis, type PersonName } from '../testing/firms.ts';
import { expectVerdict, faultsIn, verdictOf } from '../testing/negative-matrix.ts';
import { claimsIn, type RawClient, rawClient } from '../testing/raw-client.ts';
import { redirectUri } from '../testing/relying-parties.ts';

// 8: anything revoked is revoked everywhere: at introspection, at our own interfaces, at the services of firms, in an
// exchange, and for the refresh tokens behind it; whatever caused the revocation.

/** What is revoked. The last ends it for everybody: for ten seconds, as clocks may differ, nothing new is valid either. */
const kinds = ['token', 'mandate', 'suspension', 'client', 'person', 'actor', 'partner'] as const;

let world: AuthorizationWorld;

beforeAll(async () => {
  world = await openAuthorizationWorld((issuer) => {
    const trades = {
      grant_types: [jwtBearerGrant],
      scopes: ['order:create'],
      audiences: [doors.broker, `${issuer}/transactions`],
    };
    return {
      ...Object.fromEntries([...kinds, 'handed'].map((kind) => [`desk-${kind}`, trades])),
      'desk-ended': {
        kind: 'human',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [redirectUri],
        scopes: ['openid', 'offline_access'],
        audiences: [`${issuer}/userinfo`],
      },
    };
  });
});
afterAll(() => world?.stop());

const ath = (token: string) => createHash('sha256').update(token).digest('base64url');

/** Two tokens for the same order: one for a firm's interface, one for ours. */
async function issue(client: RawClient, mandate: AuthorizationWorld['mandate'], subject?: string) {
  const ours = `${world.issuer}/transactions`;
  const order = { ...world.trading.order(mandate), locations: [doors.broker, doors.venue, ours] };
  const tokenFor = async (resource: string) => {
    const { firms } = world.trading;
    const assertion = await world.trading.assertion({}, subject ?? firms.people.trader.subject);
    const answer = await client.post('/token', [
      ['grant_type', jwtBearerGrant],
      ['assertion', assertion],
      ['resource', resource],
      ['scope', 'order:create'],
      ['authorization_details', JSON.stringify([order])],
    ]);
    return textIn(answer, 'access_token');
  };
  return { atBroker: await tokenFor(doors.broker), atOurs: await tokenFor(ours) };
}
type Issued = Awaited<ReturnType<typeof issue>>;

const introspect = async (token: string) =>
  (await world.firm('brk-orders').post('/introspect', [['token', token]])).members['active'];

/** At our own interface: a refusal for the scope means that every earlier check passed. */
const atOwnDoor = async (client: RawClient, token: string) =>
  verdictOf(await client.call(`${world.issuer}/transactions/${String(claimsIn(token)['txn'])}`, token));

const protection = () => createProtection({ issuer: world.issuer, audience: doors.broker });
async function atService(client: RawClient, token: string, by: ReturnType<typeof protection>): Promise<string> {
  const dpop = [client.proof(doors.broker, { htm: 'GET', ath: ath(token) })];
  try {
    const request = { method: 'GET', url: doors.broker, authorization: [`DPoP ${token}`], dpop };
    await by.check(request, { scope: 'order:create' });
    return 'accepted';
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}

const exchange = async (token: string) =>
  verdictOf(
    await world.firm('brk-orders').post('/token', [
      ['grant_type', exchangeGrant],
      ['subject_token', token],
      ['subject_token_type', accessTokenType],
      ['resource', doors.venue],
    ]),
  );

async function expectStanding(client: RawClient, { atBroker, atOurs }: Issued, by: ReturnType<typeof protection>) {
  expect(await introspect(atBroker)).toBe(true);
  expect(await world.controlPlane.operator.client.introspect(atOurs)).toBeDefined();
  expect(await atOwnDoor(client, atOurs)).toBe('403 insufficient_scope');
  expect(await atService(client, atBroker, by)).toBe('accepted');
  expect(await exchange(atBroker)).toBe('accepted');
}

async function expectEnded(client: RawClient, { atBroker, atOurs }: Issued, by: ReturnType<typeof protection>) {
  // On the node that revoked it: as soon as it has answered.
  expect(await introspect(atBroker)).toBe(false);
  expect(await world.controlPlane.operator.client.introspect(atOurs)).toBeUndefined();
  expect(await atOwnDoor(client, atOurs)).toBe('401 token_revoked');
  expect(await exchange(atBroker)).toBe('400 invalid_request subject_token_revoked');
  // At a service, once it has read the list again, which it does every second.
  await vi.waitFor(async () => expect(await atService(client, atBroker, by)).toBe('token_revoked'), {
    timeout: 60_000,
    interval: 100,
  });
  // And stays revoked.
  expect(await atService(client, atBroker, by)).toBe('token_revoked');
}

const revoke = (kind: string, id: string) =>
  world.controlPlane.operator.call('revocations', 'token:revoke', {
    method: 'POST',
    path: '/revocations',
    body: { kind, id, reason: 'ended by a test' },
  });

const mandateCall = (mandate: string, what: 'suspend' | 'resume') =>
  world.trading.call('am-mandates', 'mandates', what === 'resume' ? 'mandate:grant' : 'mandate:revoke', {
    method: 'POST',
    path: `/mandates/${mandate}/${what}`,
    body: { reason: 'The arrangement is looked at' },
  });

const endings: Readonly<Record<(typeof kinds)[number], (issued: Issued, mandate: string) => Promise<unknown>>> = {
  token: ({ atBroker, atOurs }) =>
    Promise.all([atBroker, atOurs].map((token) => revoke('token', String(claimsIn(token)['jti'])))),
  mandate: (_, mandate) => revoke('mandate', mandate),
  suspension: (_, mandate) => mandateCall(mandate, 'suspend'),
  client: () => revoke('client', 'desk-client'),
  person: () => revoke('principal', world.trading.firms.people.colleague.id),
  actor: () => revoke('principal', 'service:desk-actor'),
  partner: () => revoke('partner', leis.arranger),
};

describe('a consent is ended', () => {
  async function consented(desk: RawClient, person: PersonName) {
    const flow = world.flow(desk, person);
    const allowed = await flow.allow([['scope', 'openid offline_access']]);
    const redeemed = await flow.redeem(allowed);
    return {
      desk,
      flow,
      allowed,
      accessToken: textIn(redeemed, 'access_token'),
      refreshToken: textIn(redeemed, 'refresh_token'),
    };
  }
  const userinfo = async (client: RawClient, token: string) =>
    verdictOf(await client.call(`${world.issuer}/userinfo`, token));

  /** The grant, as the person who gave it sees it. */
  const grantOf = async () => {
    const [record] = (await world.controlPlane.operator.records({ type: 'consent.given' })).slice(-1);
    return String((record?.data as { readonly grant?: unknown } | undefined)?.grant);
  };

  type Consented = Awaited<ReturnType<typeof consented>>;
  const deskDpop = () => world.party('desk-dpop');

  it.each<readonly [string, () => RawClient, PersonName, (of: Consented) => Promise<unknown>]>([
    [
      'its client, by its refresh token',
      deskDpop,
      'trader',
      async ({ desk, refreshToken }) => desk.post('/revoke', [['token', refreshToken]]),
    ],
    ['its code, when that comes a second time', deskDpop, 'trader', async ({ flow, allowed }) => flow.redeem(allowed)],
    ['the operator, by its id', deskDpop, 'trader', async () => revoke('grant', await grantOf())],
    ['the end of its client', () => world.own('desk-ended'), 'trader', async () => revoke('client', 'desk-ended')],
    [
      'the end of its person',
      deskDpop,
      'supervisor',
      async () => revoke('principal', world.trading.firms.people.supervisor.id),
    ],
  ])('by %s', async (_, client, person, end) => {
    const given = await consented(client(), person);
    const { desk, flow, accessToken, refreshToken } = given;
    expect(await userinfo(desk, accessToken)).toBe('accepted');
    await end(given);
    expect(await userinfo(desk, accessToken)).toMatch(/^401 .*token_revoked$/);
    expect(await world.controlPlane.operator.client.introspect(accessToken)).toBeUndefined();
    expectVerdict(await flow.refresh(refreshToken), '400 invalid_grant grant_ended');
  });
});

describe('a token is revoked', () => {
  it('with an actor of its chain, wherever it had been exchanged by then', async () => {
    const issued = await issue(world.own('desk-handed'), world.mandate);
    const handed = await world.firm('brk-orders').post('/token', [
      ['grant_type', exchangeGrant],
      ['subject_token', issued.atBroker],
      ['subject_token_type', accessTokenType],
      ['resource', doors.venue],
    ]);
    const token = textIn(handed, 'access_token');
    const atVenue = async () =>
      (await world.firm('ven-matching').post('/introspect', [['token', token]])).members['active'];
    expect(await atVenue()).toBe(true);
    await revoke('principal', 'service:desk-handed');
    expect(await atVenue()).toBe(false);
  });

  // Each with a client of its own; the one that ends everybody's comes last.
  it.each(kinds)('by the end of its %s', async (kind) => {
    const client = world.own(`desk-${kind}`);
    const { mandate } = await world.trading.grantMandates();
    const subject = kind === 'person' ? world.trading.firms.people.colleague.subject : undefined;
    const issued = await issue(client, mandate, subject);
    const by = protection();
    await expectStanding(client, issued, by);
    await endings[kind](issued, mandate);
    await (kind === 'suspension'
      ? vi.waitFor(async () => expect(await introspect(issued.atBroker)).toBe(false), 60_000)
      : Promise.resolve());
    await expectEnded(client, issued, by);
    const records = await world.controlPlane.operator.records({ type: 'access.refused' });
    expect(records.filter((record) => record.client === client.id).map(({ reason }) => reason)).toContain(
      'token_revoked',
    );
  });
});

describe('revocation is', () => {
  it('possible for the operator, and for a firm within its own institution', async () => {
    const { operator } = world.controlPlane;
    await operator.call('directory', 'directory:apply', {
      method: 'POST',
      path: '/directory/apply',
      body: {
        clients: (world.trading.firms.directoryDocument()['clients'] ?? [])
          .filter(({ id }) => id === 'cus-core')
          .map((client) => ({
            ...client,
            scopes: ['token:revoke'],
            audiences: [`${world.issuer}/revocations`],
          })),
      },
    });
    const custodian = rawClient({ issuer: world.issuer, id: 'cus-core', key: world.trading.firms.key('cus-core') });
    const granted = await custodian.post('/token', [
      ['grant_type', 'client_credentials'],
      ['resource', `${world.issuer}/revocations`],
      ['scope', 'token:revoke'],
    ]);
    const token = textIn(granted, 'access_token');
    const client = world.trading.firms.client('cus-core', { proofKey: custodian.proofKey });
    const ask = async (kind: string, id: string) =>
      (
        await client.call(
          { accessToken: token, scope: '', expiresAt: 0, authorizationDetails: [] },
          { method: 'POST', url: `${world.issuer}/revocations`, body: { kind, id, reason: 'x' } },
        )
      ).status;
    for (const [kind, id] of [
      ['client', 'desk-dpop'],
      ['principal', 'person:anna.keller'],
      ['partner', leis.arranger],
      ['mandate', world.mandate],
      ['token', 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3'],
      ['grant', 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3'],
      ['client', 'nobody'],
    ])
      expect([kind, id, await ask(String(kind), String(id))]).toEqual([kind, id, 404]);
    for (const [kind, id] of [
      ['everything', 'x'],
      ['client', ''],
      ['client', 'x'.repeat(257)],
      ['client', 'a b'],
    ])
      expect([kind, await ask(String(kind), String(id))]).toEqual([kind, 400]);
    // Last: it revokes itself.
    expect(await ask('client', 'cus-core')).toBe(200);
    expect(await ask('client', 'cus-core')).toBe(401);
  });

  it('recorded, with who did it, and never fails with an internal error', async () => {
    const records = await world.controlPlane.operator.records({ type: 'token.revoked' });
    const kindsRecorded = new Set(records.map(({ data }) => (data as { readonly kind?: unknown }).kind));
    for (const kind of ['token', 'grant', 'mandate', 'client', 'principal', 'partner'])
      expect([...kindsRecorded]).toContain(kind);
    expect(records.every(({ actors }) => actors?.[0]?.id !== undefined)).toBe(true);
    expect(faultsIn(world.logged())).toEqual([]);
  });
});
