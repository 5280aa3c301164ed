import { createHash } from 'node:crypto';
import { makeKey, signJws } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { claimsOf, refusalOf } from '../testing/harness.ts';
import { broker, brokerBook, clearing, clearingTrades, known, venueOrders } from '../testing/trading-world.ts';
import {
  anna,
  type CibaWorld,
  carl,
  createCibaWorld,
  type Fields,
  issuer,
  notificationToken,
  pingEndpoint,
} from './testing/ciba-world.ts';

let world: CibaWorld;
beforeAll(async () => {
  // Many tests ask the same person.
  world = await createCibaWorld({
    pingSecret: new Uint8Array(32).fill(7),
    options: { maxOutstandingForPerson: 1_000 },
  });
});
afterAll(() => world.close());
const registered = {
  requireSignedRequest: false,
  backchannelDelivery: { mode: 'poll' },
  profile: 'fapi2',
} as const;
afterEach(() => {
  world.audit.repair();
  world.world.changeClient('trading-desk', registered);
});

const ask = (change: Fields = {}) => world.ask(world.plain(change));
const refused = (change: Fields) => refusalOf(ask(change));
const as = (code: string, reason: string) => expect.objectContaining({ code, reason });
const askSigned = (change: object = {}, header: object = {}, beside: Fields = {}) =>
  world.ask({ request: world.signed(world.plain(), change, header), ...beside });
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url');

describe('a backchannel authentication request', () => {
  it('is answered with an auth_req_id of 256 bits, its lifetime and the interval once it is recorded', async () => {
    const answer = await ask();
    expect(answer).toEqual({ auth_req_id: expect.stringMatching(/^[\w-]{43}$/), expires_in: 300, interval: 5 });
    expect(world.audit.last()).toMatchObject({
      type: 'backchannel.requested',
      outcome: 'permit',
      client: 'trading-desk',
      subject: { id: anna, institution: broker },
      scope: ['openid', 'order:read'],
      audience: [venueOrders],
      address: '192.0.2.7',
      data: {
        auth_req_id_sha256: sha256(answer.auth_req_id),
        binding_message_sha256: sha256('W4SCT'),
        signed: true,
        request_object_digest: expect.any(String),
        expires_in: 300,
        hint: 'login',
      },
    });
    const written = JSON.stringify(world.audit.records);
    for (const secret of [answer.auth_req_id, 'W4SCT']) expect(written).not.toContain(secret);
  });

  it('is not answered and leaves nothing if it cannot be recorded', async () => {
    const count = async () =>
      (
        await world.database
          .pool('authorization-server')
          .query<{ n: number }>('select count(*)::int as n from backchannel_requests')
      ).rows[0]?.n;
    const before = await count();
    world.audit.breakDown();
    expect(await refusalOf(ask())).toMatchObject({ code: 'temporarily_unavailable' });
    expect(await count()).toBe(before);
  });

  it('is stored without the auth_req_id and the notification token in clear', async () => {
    world.world.changeClient('trading-desk', { backchannelDelivery: { mode: 'ping', endpoint: pingEndpoint } });
    const { auth_req_id } = await askSigned({ client_notification_token: notificationToken });
    const { rows } = await world.database
      .pool('authorization-server')
      .query<{ text: string }>('select backchannel_requests::text as text from backchannel_requests');
    expect(rows.length).toBeGreaterThan(0);
    for (const { text } of rows)
      for (const secret of [auth_req_id, notificationToken]) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(Buffer.from(secret).toString('hex'));
        expect(text).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
      }
    expect(JSON.stringify(world.audit.records)).not.toContain(notificationToken);
  });

  it('names the intent, and gets the scope of the intent’s action if it names none', async () => {
    const details = JSON.stringify([world.order()]);
    await ask({ authorization_details: details, scope: undefined, binding_message: undefined });
    expect(world.audit.last()).toMatchObject({ scope: ['order:create'], intent: expect.stringMatching(/^[\w-]{43}$/) });
    await ask({ authorization_details: details, scope: 'openid' });
    expect(world.audit.last()).toMatchObject({ scope: ['openid', 'order:create'] });
    await ask({ authorization_details: details, scope: 'order:read' });
    expect(world.audit.last()).toMatchObject({ scope: ['order:read'] });
  });

  it('ignores unknown parameters, including user_code, which this server does not support', async () => {
    expect(await ask({ user_code: '6365', ui_locales: 'de', request_context: '{"a":1}' })).toMatchObject({
      interval: 5,
    });
    expect(JSON.stringify(world.audit.records)).not.toContain('6365');
  });

  it.each([
    ['without requested_expiry', undefined, 300],
    ['less than usual', '30', 30],
    ['one second', '1', 1],
    ['as much as there is', '600', 600],
    ['more than there is', '999999999', 600],
  ])('gets the requested lifetime within bounds: %s', async (_, requested_expiry, expires_in) => {
    expect(await ask({ requested_expiry })).toMatchObject({ expires_in });
  });

  it('uses the only interface of the client if it names none', async () => {
    const { audiences } = known(world.world.directory.snapshot().client('trading-desk'));
    world.world.changeClient('trading-desk', { audiences: audiences.filter((uri) => uri === venueOrders) });
    await ask({ resource: undefined });
    expect(world.audit.last()).toMatchObject({ type: 'backchannel.requested', audience: [venueOrders] });
    world.world.changeClient('trading-desk', { audiences });
  });

  it.each(['0', '-5', '1.5', '1e3', 'soon', '+30', '1'.repeat(10)])(
    'is refused with requested_expiry %s',
    async (requested_expiry) => {
      expect(await refused({ requested_expiry })).toEqual(as('invalid_request', 'parameter_malformed'));
    },
  );

  it.each<[string, Fields, string, string]>([
    ['no scope and no intent', { scope: undefined }, 'invalid_scope', 'scope_missing'],
    ['an unknown scope', { scope: 'order:juggle' }, 'invalid_scope', 'scope_unknown'],
    ['a scope it is not registered for', { scope: 'order:approve' }, 'invalid_scope', 'scope_not_allowed'],
    ['a scope with a quotation mark', { scope: 'order:read "' }, 'invalid_scope', 'scope_malformed'],
    ['too long a scope', { scope: 'a'.repeat(2_049) }, 'invalid_scope', 'scope_malformed'],
    ['no interface for its scope', { resource: undefined }, 'invalid_target', 'target_missing'],
    ['an unknown interface', { resource: 'https://nowhere.example/' }, 'invalid_target', 'target_unknown'],
    ['an interface it may not use', { resource: clearingTrades }, 'invalid_target', 'target_not_allowed'],
    [
      'a scope the interface does not offer',
      { resource: brokerBook, scope: 'order:create' },
      'invalid_scope',
      'scope_not_offered',
    ],
    ['a resource with spaces', { resource: 'https://venue.example/or ders' }, 'invalid_target', 'resource_malformed'],
    ['no message and no intent', { binding_message: undefined }, 'invalid_request', 'binding_message_missing'],
    ['an empty message', { binding_message: '' }, 'invalid_request', 'binding_message_missing'],
    [
      'too long a message',
      { binding_message: 'W'.repeat(65) },
      'invalid_binding_message',
      'binding_message_unacceptable',
    ],
    [
      'a message of several lines',
      { binding_message: 'W4\nSCT' },
      'invalid_binding_message',
      'binding_message_unacceptable',
    ],
    [
      'a message that turns around',
      { binding_message: 'W4\u202eTCS' },
      'invalid_binding_message',
      'binding_message_unacceptable',
    ],
    [
      'a message of look-alikes',
      { binding_message: 'W4S\u0421T' },
      'invalid_binding_message',
      'binding_message_unacceptable',
    ],
    [
      'a message that begins with a space',
      { binding_message: ' W4SCT' },
      'invalid_binding_message',
      'binding_message_unacceptable',
    ],
    [
      'details that are not JSON',
      { authorization_details: '[{' },
      'invalid_authorization_details',
      'details_malformed',
    ],
    [
      'details that are not an array',
      { authorization_details: '{}' },
      'invalid_authorization_details',
      'details_malformed',
    ],
    ['no details', { authorization_details: '[]' }, 'invalid_authorization_details', 'details_malformed'],
    [
      'details of an unknown type',
      { authorization_details: '[{"type":"x"}]' },
      'invalid_authorization_details',
      'details_malformed',
    ],
    ['a class of sign-in with a quotation mark', { acr_values: '"' }, 'invalid_request', 'parameter_malformed'],
    [
      'too many classes of sign-in',
      { acr_values: Array.from({ length: 17 }, (_, n) => `a${n}`).join(' ') },
      'invalid_request',
      'parameter_malformed',
    ],
    ['an invalid thumbprint', { dpop_jkt: 'abc' }, 'invalid_request', 'parameter_malformed'],
  ])('is refused with %s', async (_, change, code, reason) => {
    expect(await refused(change)).toEqual(as(code, reason));
    expect(world.audit.last()).toMatchObject({
      type: 'backchannel.refused',
      outcome: 'deny',
      reason,
      client: 'trading-desk',
      data: { endpoint: 'backchannel-authentication', error: code },
    });
  });

  it('is refused for an intent that has expired, is for another interface, has an unknown field, or has a type it does not match', async () => {
    const detail = (change: object) => refused({ authorization_details: JSON.stringify([world.order(change)]) });
    const invalid = 'invalid_authorization_details';
    expect(await detail({ not_after: '2026-11-23T09:00:00Z' })).toEqual(as(invalid, 'details_expired'));
    expect(await detail({ locations: [clearingTrades] })).toEqual(as(invalid, 'details_location'));
    expect(await detail({ surprise: 1 })).toEqual(as(invalid, 'details_malformed'));
    world.world.changeClient('trading-desk', { detailTypes: [] });
    expect(await detail({})).toEqual(as(invalid, 'details_not_allowed'));
    world.world.changeClient('trading-desk', { detailTypes: ['urn:countersign:rar:v1:trade_order'] });
  });

  it('is accepted only from clients registered for CIBA', async () => {
    expect(await refusalOf(world.ask(world.plain(), { clientId: 'order-desk' }))).toEqual(
      as('unauthorized_client', 'ciba_not_registered'),
    );
  });

  it('is refused as unauthenticated if the software does not authenticate', async () => {
    const stranger = await refusalOf(
      world.ask({ ...world.plain(), client_assertion: signJws(makeKey(), { alg: 'ES256' }, {}) }, { unsigned: true }),
    );
    expect(stranger.code).toBe('invalid_client');
    expect(world.audit.last().type).toBe('client.refused');
  });
});

describe('the person addressed by a backchannel request', () => {
  it.each<[string, Fields]>([
    ['nobody', { login_hint: undefined }],
    ['an empty hint', { login_hint: '' }],
  ])('must be identified: %s', async (_, change) => {
    expect(await refused(change)).toEqual(as('invalid_request', 'hint_missing'));
  });

  it.each<[string, Fields]>([
    ['login_hint and id_token_hint', { id_token_hint: 'x' }],
    ['login_hint and login_hint_token', { login_hint_token: 'x' }],
    ['id_token_hint and login_hint_token', { login_hint: undefined, id_token_hint: 'x', login_hint_token: 'y' }],
  ])('must be identified only once: %s', async (_, change) => {
    expect(await refused(change)).toEqual(as('invalid_request', 'hint_several'));
  });

  it('is not taken from a login_hint_token, and the refusal says so', async () => {
    expect(await refused({ login_hint: undefined, login_hint_token: 'x' })).toMatchObject({
      code: 'invalid_request',
      reason: 'login_hint_token_unsupported',
      detail: expect.stringContaining('not supported'),
    });
  });

  it.each(['person:nobody', 'service:order-desk', 'agent:vwap-1', 'anna', '__proto__', 'constructor', 'x'.repeat(256)])(
    'is not found by the hint %s',
    async (login_hint) => {
      expect(await refused({ login_hint })).toEqual(as('unknown_user_id', 'hint_unknown'));
      expect(world.audit.last()).toMatchObject({ reason: 'hint_unknown', data: { hint: 'nobody' } });
    },
  );

  it('is refused if from another institution, with the same answer as for an unknown person; the record tells them apart', async () => {
    const nobody = await refused({ login_hint: 'person:nobody' });
    expect(await refused({ login_hint: carl })).toEqual(nobody);
    expect(world.audit.last()).toMatchObject({
      subject: { id: carl, institution: clearing },
      data: { hint: 'institution' },
    });
  });

  it('may be from another institution for an ordinary relying party, unless that institution’s registration has lapsed', async () => {
    world.world.changeClient('dashboard', {
      grantTypes: ['urn:openid:params:grant-type:ciba'],
      backchannelDelivery: { mode: 'poll' },
    });
    const asked = { login_hint: carl, scope: 'openid', binding_message: 'W4SCT' };
    expect(await world.ask(asked, { clientId: 'dashboard' })).toMatchObject({ expires_in: 300 });
    const other = await createCibaWorld();
    other.world.changeClient('dashboard', { grantTypes: ['urn:openid:params:grant-type:ciba'] });
    other.world.lapse(clearing);
    expect(await refusalOf(other.ask(asked, { clientId: 'dashboard' }))).toEqual(as('unknown_user_id', 'hint_unknown'));
    expect(other.audit.last()).toMatchObject({ data: { hint: 'institution_standing' } });
    await other.close();
  });

  describe('addressed by an ID token', () => {
    const idToken = (change: object = {}, key = world.signer.idTokenKeys[0]) => {
      if (key === undefined) throw new Error('a signer without keys');
      const now = world.seconds();
      return signJws(
        key,
        { alg: 'ES256', kid: key.kid },
        { iss: issuer, sub: anna, aud: 'trading-desk', iat: now - 60, exp: now + 60, auth_time: now - 90, ...change },
      );
    };
    const hinted = (id_token_hint: string) => world.plain({ login_hint: undefined, id_token_hint });

    it('is its subject, even if the token has expired', async () => {
      const old = world.seconds() - 86_400;
      for (const token of [idToken(), idToken({ iat: old, exp: old + 60, auth_time: old })]) {
        await world.ask(hinted(token));
        expect(world.audit.last()).toMatchObject({ subject: { id: anna }, data: { hint: 'id-token' } });
      }
    });

    it('is not found if the token is foreign, was issued to another client, or is not an ID token', async () => {
      const invalid = as('invalid_request', 'id_token_hint_invalid');
      expect(await refusalOf(world.ask(hinted(idToken({ aud: 'order-desk' }))))).toEqual(invalid);
      expect(await refusalOf(world.ask(hinted(idToken({ iss: 'https://other.example' }))))).toEqual(invalid);
      expect(await refusalOf(world.ask(hinted('a.b.c')))).toEqual(invalid);
      const [key] = world.signer.idTokenKeys;
      const forged = signJws(
        makeKey(),
        { alg: 'ES256', kid: key?.kid },
        { iss: issuer, sub: anna, aud: 'trading-desk' },
      );
      expect(await refusalOf(world.ask(hinted(forged)))).toEqual(invalid);
    });

    it('is not found if the key of the token is gone', async () => {
      expect(await refusalOf(world.ask(hinted(idToken({}, makeKey()))))).toEqual(as('unknown_user_id', 'hint_unknown'));
    });

    it('is refused if from another institution', async () => {
      expect(await refusalOf(world.ask(hinted(idToken({ sub: carl }))))).toEqual(as('unknown_user_id', 'hint_unknown'));
    });
  });
});

describe('a signed authentication request', () => {
  it('is accepted with every type that clients write, with or without client_id, with numbers and JSON as themselves', async () => {
    for (const typ of [undefined, 'JWT', 'jwt', 'oauth-authz-req+jwt', 'application/OAuth-Authz-Req+JWT'])
      expect(await askSigned({}, typ === undefined ? {} : { typ })).toMatchObject({ interval: 5 });
    expect(await askSigned({ client_id: 'trading-desk' })).toMatchObject({ interval: 5 });
    expect(await askSigned({ aud: ['https://other.example', issuer] })).toMatchObject({ interval: 5 });
    expect(await askSigned({ requested_expiry: 60 })).toMatchObject({ expires_in: 60 });
    expect(await askSigned({ requested_expiry: '60' })).toMatchObject({ expires_in: 60 });
    await askSigned({ authorization_details: [world.order()], scope: 'order:create', binding_message: undefined });
    expect(world.audit.last()).toMatchObject({
      scope: ['order:create'],
      data: { signed: true, request_object_digest: expect.stringMatching(/^[\w-]{43}$/) },
    });
  });

  it('is required, and only by value', async () => {
    expect(await refusalOf(world.ask(world.plain(), { unsigned: true }))).toEqual(
      as('invalid_request', 'signed_request_required'),
    );
    expect(await refusalOf(world.ask({ ...world.plain(), request_uri: 'urn:example:1' }, { unsigned: true }))).toEqual(
      as('invalid_request', 'request_uri_unsupported'),
    );
    expect(await askSigned()).toMatchObject({ interval: 5 });
  });

  it.each([
    ['scope', 'order:create'],
    ['login_hint', anna],
    ['binding_message', 'OTHER'],
    ['client_notification_token', notificationToken],
    ['authorization_details', '[]'],
    ['requested_expiry', '60'],
    ['dpop_jkt', 'a'.repeat(43)],
  ])('must hold every parameter: %s beside it is refused', async (name, value) => {
    expect(await refusalOf(askSigned({}, {}, { [name]: value }))).toEqual(
      as('invalid_request', 'signed_request_mixed'),
    );
  });

  it('may be accompanied by client_id and by parameters that this endpoint does not know', async () => {
    expect(await askSigned({}, {}, { ui_locales: 'de', client_id: 'trading-desk' })).toMatchObject({ interval: 5 });
  });

  const hour = 3_600;
  it.each<[string, (now: number) => object, string]>([
    ['another issuer', () => ({ iss: 'order-desk' }), 'signed_request_issuer'],
    ['no issuer', () => ({ iss: undefined }), 'signed_request_issuer'],
    ['another audience', () => ({ aud: 'https://other.example' }), 'signed_request_audience'],
    ['the token endpoint as its audience', () => ({ aud: `${issuer}/token` }), 'signed_request_audience'],
    ['no audience', () => ({ aud: undefined }), 'signed_request_audience'],
    ['too many audiences', () => ({ aud: Array.from({ length: 9 }, () => issuer) }), 'signed_request_audience'],
    ['no exp', () => ({ exp: undefined }), 'signed_request_time'],
    ['no nbf', () => ({ nbf: undefined }), 'signed_request_time'],
    ['no iat', () => ({ iat: undefined }), 'signed_request_time'],
    ['an exp that is text', (now) => ({ exp: String(now + 60) }), 'signed_request_time'],
    ['an exp at the end of time', () => ({ exp: 9e15 }), 'signed_request_time'],
    ['an exp that has come', (now) => ({ exp: now }), 'signed_request_expired'],
    ['too long a life', (now) => ({ exp: now + hour + 1 }), 'signed_request_lifetime'],
    ['an nbf over an hour ago', (now) => ({ nbf: now - hour - 1 }), 'signed_request_time'],
    ['an nbf ahead', (now) => ({ nbf: now + 11 }), 'signed_request_time'],
    ['an iat ahead', (now) => ({ iat: now + 11 }), 'signed_request_time'],
    ['no jti', () => ({ jti: undefined }), 'signed_request_id'],
    ['an empty jti', () => ({ jti: '' }), 'signed_request_id'],
    ['too long a jti', () => ({ jti: 'j'.repeat(257) }), 'signed_request_id'],
    ['a jti that is not text', () => ({ jti: 7 }), 'signed_request_id'],
    ['the client_id of another client', () => ({ client_id: 'order-desk' }), 'signed_request_client'],
    ['the client as its subject', () => ({ sub: 'trading-desk' }), 'signed_request_kind'],
    ['another request inside', () => ({ request: 'a.b.c' }), 'signed_request_kind'],
    ['a request_uri inside', () => ({ request_uri: 'urn:x' }), 'signed_request_kind'],
    ['the parameters of an authorization request', () => ({ response_type: 'code' }), 'signed_request_kind'],
    ['a scope that is a list', () => ({ scope: ['order:read'] }), 'scope_malformed'],
    ['a hint that is an object', () => ({ login_hint: { sub: anna } }), 'parameter_malformed'],
    ['a requested_expiry that is a fraction', () => ({ requested_expiry: 1.5 }), 'parameter_malformed'],
  ])('is refused with %s', async (_, change, reason) => {
    const refusal = await refusalOf(askSigned(change(world.seconds())));
    expect(refusal.reason).toBe(reason);
    expect(refusal.code).toMatch(/^invalid_(request|scope)$/);
    expect(world.audit.last()).toMatchObject({ type: 'backchannel.refused', reason });
  });

  it('is refused if it is not a JWT, is unsigned, or is signed by another party or for another purpose', async () => {
    const invalid = (reason: string) => as('invalid_request', reason);
    const [head = '', payload = '', signature = ''] = world.signed(world.plain()).split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(await refusalOf(world.ask({ request: 'x' }))).toEqual(invalid('signed_request_malformed'));
    expect(await refusalOf(world.ask({ request: `${none}.${payload}.` }))).toMatchObject({ code: 'invalid_request' });
    const turned = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    expect(await refusalOf(world.ask({ request: `${head}.${payload}.${turned}` }))).toEqual(
      invalid('signed_request_signature'),
    );
    expect(await refusalOf(askSigned({}, { kid: 'other' }))).toEqual(invalid('signed_request_key'));
    expect(await refusalOf(askSigned({}, { typ: 'dpop+jwt' }))).toEqual(invalid('signed_request_type'));
    const own = world.world.clientKey('trading-desk');
    const forged = signJws(makeKey(), { alg: 'ES256', kid: own.kid }, { iss: 'trading-desk', aud: issuer });
    expect(await refusalOf(world.ask({ request: forged }))).toEqual(invalid('signed_request_signature'));
  });

  it('counts once among fifty simultaneous requests on two nodes, and is not used up by a refusal', async () => {
    const other = world.node();
    const request = world.signed(world.plain());
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        refusalOf(world.ask({ request }, { at: index % 2 === 0 ? world : other })),
      ),
    );
    expect(outcomes.filter(({ code }) => code === 'released')).toHaveLength(1);
    expect(outcomes.filter(({ reason }) => reason === 'signed_request_replayed')).toHaveLength(49);
    world.world.changeClient('trading-desk', { scopes: [] });
    const later = world.signed(world.plain());
    expect(await refusalOf(world.ask({ request: later }))).toEqual(as('invalid_scope', 'scope_not_allowed'));
    world.world.changeClient('trading-desk', { scopes: ['order:create', 'order:read', 'openid', 'offline_access'] });
    expect(await world.ask({ request: later })).toMatchObject({ interval: 5 });
  });

  it('does not use up the jti of another client', async () => {
    const jti = 'the-same';
    world.world.changeClient('order-desk', { grantTypes: ['urn:openid:params:grant-type:ciba'] });
    expect(await askSigned({ jti })).toMatchObject({ interval: 5 });
    const request = world.signed(world.plain({ scope: 'order:read' }), { jti }, {}, 'order-desk');
    expect(await refusalOf(world.ask({ request }))).toMatchObject({ reason: 'signed_request_issuer' });
    expect(await world.ask({ request }, { clientId: 'order-desk' })).toMatchObject({ interval: 5 });
  });
});

describe('the notification token of a client in ping mode', () => {
  const pinged = () =>
    world.world.changeClient('trading-desk', { backchannelDelivery: { mode: 'ping', endpoint: pingEndpoint } });

  it('is required and must be a bearer token of at least 128 bits', async () => {
    pinged();
    expect(await refusalOf(askSigned())).toEqual(as('invalid_request', 'notification_token_missing'));
    const refusedAs = async (client_notification_token: unknown) =>
      (await refusalOf(askSigned({ client_notification_token }))).reason;
    expect(await refusedAs('a'.repeat(21))).toBe('notification_token_weak');
    expect(await refusedAs(notificationToken.slice(1))).toBe('notification_token_weak');
    expect(await refusedAs(`${notificationToken.slice(1)}=`)).toBe('notification_token_weak');
    expect(await refusedAs('abcab'.repeat(100))).toBe('notification_token_weak');
    expect(await refusedAs(`${notificationToken}\r\nx: y`)).toBe('notification_token_malformed');
    expect(await refusedAs(`${notificationToken} x`)).toBe('notification_token_malformed');
    expect(await refusedAs('x'.repeat(1_025))).toBe('notification_token_malformed');
    expect(await refusedAs(7)).toBe('notification_token_malformed');
  });

  it.each([
    notificationToken,
    '8d67dc78-7faa-4d41-aabd-67707b374255',
    'Zm9vYmFyYmF6cXV4cXV1eA==',
    '31415926535897932384626433832795028841971',
  ])('may be %s', async (client_notification_token) => {
    pinged();
    expect(await askSigned({ client_notification_token })).toMatchObject({ interval: 5 });
  });

  it('is not needed by a client in poll mode', async () => {
    expect(await ask()).toMatchObject({ interval: 5 });
  });

  it('has no effect if ping mode is disabled', async () => {
    const without = await createCibaWorld({ pingSecret: undefined });
    without.world.changeClient('trading-desk', { backchannelDelivery: { mode: 'ping', endpoint: pingEndpoint } });
    const request = without.signed(without.plain({ client_notification_token: notificationToken }));
    expect(await refusalOf(without.ask({ request }))).toEqual(as('unauthorized_client', 'ping_not_offered'));
    expect(without.backchannel.deliveryModes).toEqual(['poll']);
    expect(world.backchannel.deliveryModes).toEqual(['poll', 'ping']);
    await without.close();
  });
});

describe('the number of pending requests', () => {
  it('is bounded for each client and each person, and expired requests no longer count', async () => {
    const bounded = await createCibaWorld({ options: { maxOutstanding: 3, maxOutstandingForPerson: 2 } });
    bounded.world.changeClient('dashboard', { grantTypes: ['urn:openid:params:grant-type:ciba'] });
    const asking = (login_hint: string) =>
      bounded.ask({ login_hint, scope: 'openid', binding_message: 'W4SCT' }, { clientId: 'dashboard' });
    const { auth_req_id } = await asking(anna);
    await asking(anna);
    expect(await refusalOf(asking(anna))).toEqual(as('too_many_requests', 'too_many_outstanding'));
    await asking(carl);
    expect(await refusalOf(asking(carl))).toEqual(as('too_many_requests', 'too_many_outstanding'));
    expect(await bounded.ask()).toMatchObject({ interval: 5 });
    await bounded.decide(auth_req_id, 'refuse');
    expect(await asking(anna)).toMatchObject({ interval: 5 });
    bounded.clock.advance(301_000);
    expect(await asking(carl)).toMatchObject({ interval: 5 });
    await bounded.close();
  });

  it('falls a day after requests expire, when they are deleted in slices', async () => {
    const short = await createCibaWorld();
    const { auth_req_id } = await short.ask();
    short.clock.advance(300_000 + 86_400_000);
    expect(await short.backchannel.sweep()).toBe(0);
    short.clock.advance(1_000);
    expect(await short.backchannel.sweep()).toBe(1);
    expect(await refusalOf(short.redeem(auth_req_id))).toEqual(as('invalid_grant', 'auth_req_id_unknown'));
    await short.close();
  });
});

describe('a backchannel request with any content', () => {
  it('is answered or refused and never causes an internal error', async () => {
    const names = ['scope', 'resource', 'authorization_details', 'acr_values', 'binding_message', 'requested_expiry'];
    const hints = [
      'login_hint',
      'id_token_hint',
      'login_hint_token',
      'client_notification_token',
      'dpop_jkt',
      'request',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.constantFrom(...names, ...hints),
          fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })),
        ),
        async (change) => {
          const { code } = await refusalOf(world.ask({ ...world.plain(), ...change }));
          expect(code).toMatch(/^(released|invalid_|unknown_user_id)/);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is answered or refused when it is signed, too', async () => {
    const names = ['scope', 'resource', 'authorization_details', 'acr_values', 'binding_message', 'requested_expiry'];
    const claims = ['login_hint', 'aud', 'iat', 'nbf', 'exp', 'jti', 'sub', 'client_id', 'dpop_jkt'];
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...names, ...claims), fc.jsonValue()), async (change) => {
        const { code } = await refusalOf(askSigned(change));
        expect(code).toMatch(/^(released|invalid_|unknown_user_id)/);
      }),
      { numRuns: 150 },
    );
  });
});

describe('the scopes that a backchannel client requests', () => {
  it('are what the token carries, at the requested class of sign-in', async () => {
    world.upgradeSignIns({ acr: 'phr', amr: ['hwk'] });
    const { auth_req_id } = await ask({ acr_values: 'phr other' });
    await world.decide(auth_req_id, 'allow');
    expect(claimsOf(await world.redeem(auth_req_id))).toMatchObject({ sub: anna, acr: 'phr', scope: 'order:read' });
    world.upgradeSignIns({});
  });
});
