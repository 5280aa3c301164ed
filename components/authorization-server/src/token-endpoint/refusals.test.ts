import { CodedError } from '@countersign/kernel';
import { makeKey, signJws } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { claimsOf, createHarness, issuer, refusalOf } from '../testing/harness.ts';
import { broker, brokerBook, clearingTrades, known, venueOrders } from '../testing/trading-world.ts';

describe('the form of a token request', () => {
  it.each([
    ['no grant type', { grant_type: undefined }, 'invalid_request', 'parameter_missing'],
    ['the password grant', { grant_type: 'password' }, 'unsupported_grant_type', 'grant_type_unsupported'],
    ['the implicit grant', { grant_type: 'implicit' }, 'unsupported_grant_type', 'grant_type_unsupported'],
    ['a name of every object', { grant_type: 'constructor' }, 'unsupported_grant_type', 'grant_type_unsupported'],
    ['two targets', { audience: venueOrders }, 'invalid_target', 'target_ambiguous'],
  ])('is refused with %s, recorded for the client that sent it', async (_, change, code, reason) => {
    const { server, clientCredentials, audit } = createHarness();
    expect(await refusalOf(server.token(clientCredentials(change)))).toMatchObject({ code, reason });
    expect(audit.records).toHaveLength(1);
    expect(audit.last()).toMatchObject({ type: 'token.refused', client: 'vwap-engine', reason });
  });

  it.each([
    ['no client assertion', { client_assertion: undefined }, 'invalid_client', 'client_authentication_missing'],
    [
      'a SAML client assertion',
      { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
      'invalid_client',
      'client_authentication_missing',
    ],
    ['a client secret too', { client_secret: 'secret' }, 'invalid_request', 'client_authentication_several'],
    [
      'a client secret alone',
      { client_secret: 'secret', client_assertion: undefined, client_assertion_type: undefined },
      'invalid_client',
      'client_authentication_missing',
    ],
  ])('is refused with %s, and leaves no record', async (_, change, code, reason) => {
    const { server, clientCredentials, audit } = createHarness();
    expect(await refusalOf(server.token(clientCredentials(change)))).toMatchObject({ code, reason });
    expect(audit.records).toEqual([]);
  });

  it.each([
    ['a parameter that comes twice', '&scope=order:create', 'invalid_request', 'form_repeated'],
    ['two resources', `&resource=${encodeURIComponent(brokerBook)}`, 'invalid_target', 'target_ambiguous'],
    ['an encoding that is not UTF-8', '&x=%ff', 'invalid_request', 'form_malformed'],
    ['more than it may hold', `&x=${'x'.repeat(70_000)}`, 'invalid_request', 'form_too_large'],
  ])('is refused with %s, and leaves no record', async (_, more, code, reason) => {
    const { server, clientCredentials, audit } = createHarness();
    const request = clientCredentials();
    expect(await refusalOf(server.token({ ...request, body: request.body + more }))).toMatchObject({ code, reason });
    expect(audit.records).toEqual([]);
  });

  it('is refused if the client also sends an Authorization header', async () => {
    const { server, clientCredentials } = createHarness();
    const answer = server.token({ ...clientCredentials(), authorization: ['Basic dndhcDpzZWNyZXQ='] });
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_request', reason: 'client_authentication_several' });
  });
});

describe('client authentication', () => {
  it.each([
    ['an audience in an array', { aud: [issuer] }, {}, 'client_assertion_audience'],
    ['the token endpoint as audience', { aud: `${issuer}/token` }, {}, 'client_assertion_audience'],
    ['another subject', { sub: 'order-desk' }, {}, 'client_assertion_issuer'],
    ['another client as issuer and subject', { iss: 'order-desk', sub: 'order-desk' }, {}, 'client_assertion_key'],
    ['an unknown client', { iss: 'nobody', sub: 'nobody' }, {}, 'client_assertion_key'],
    ['an expiry in the past', { exp: 1 }, {}, 'client_assertion_expired'],
    ['a life of ten minutes', { exp: 1_795_428_600 }, {}, 'client_assertion_lifetime'],
    ['no jti', { jti: undefined }, {}, 'client_assertion_id'],
    ['the type of an access token', {}, { typ: 'at+jwt' }, 'client_assertion_type'],
    ['the algorithm none', {}, { alg: 'none' }, 'client_assertion_algorithm'],
    ['a key it brings along', {}, { jwk: {} }, 'client_assertion_malformed'],
  ])('is refused with %s, and the refusal is recorded for the client', async (_, claims, header, reason) => {
    const { server, clientCredentials, assertion, audit } = createHarness();
    const answer = server.token(clientCredentials({ client_assertion: assertion('vwap-engine', claims, header) }));
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_client', reason });
    expect(audit.records).toHaveLength(1);
    expect(audit.last()).toMatchObject({ type: 'client.refused', outcome: 'deny', reason, address: '192.0.2.7' });
  });

  it('is refused if the client_id is that of another client', async () => {
    const { server, clientCredentials } = createHarness();
    expect(await refusalOf(server.token(clientCredentials({ client_id: 'order-desk' })))).toMatchObject({
      code: 'invalid_client',
      reason: 'client_id_differs',
    });
    expect(await refusalOf(server.token(clientCredentials({ client_id: 'vwap-engine' })))).toEqual({
      code: 'released',
    });
  });

  it('is refused from the moment the client is removed from the directory', async () => {
    const { server, clientCredentials, world } = createHarness();
    await server.token(clientCredentials());
    const request = clientCredentials();
    world.remove('client', 'vwap-engine');
    expect(await refusalOf(server.token(request))).toMatchObject({
      code: 'invalid_client',
      reason: 'client_assertion_key',
    });
  });

  it('does not suffice for an unregistered grant, an institution in bad standing, or a principal who has left', async () => {
    const { server, clientCredentials, requestFor, world, exchange } = createHarness();
    expect(await refusalOf(server.token(exchange('token', {}, 'vwap-engine')))).toMatchObject({
      code: 'unauthorized_client',
      reason: 'grant_not_allowed',
    });
    const ghost = requestFor('ghost', { grant_type: 'client_credentials', scope: 'order:read', resource: venueOrders });
    expect(await refusalOf(server.token(ghost))).toMatchObject({
      code: 'unauthorized_client',
      reason: 'institution_not_in_good_standing',
    });
    world.remove('principal', 'agent:vwap-1');
    expect(await refusalOf(server.token(clientCredentials()))).toMatchObject({
      code: 'unauthorized_client',
      reason: 'principal_unknown',
    });
  });
});

describe('the proof of possession', () => {
  const url = `${issuer}/token`;
  it.each([
    ['no proof', () => [], 'proof_missing'],
    ['two proofs', (make: (c?: object, h?: object) => string) => [make(), make()], 'proof_repeated'],
    [
      'a proof for another method',
      (make: (c?: object, h?: object) => string) => [make({ htm: 'GET' })],
      'proof_method',
    ],
    ['a proof for another URL', (make: (c?: object, h?: object) => string) => [make({ htu: `${url}/x` })], 'proof_url'],
    ['an old proof', (make: (c?: object, h?: object) => string) => [make({ iat: 1 })], 'proof_time'],
    ['a proof without id', (make: (c?: object, h?: object) => string) => [make({ jti: undefined })], 'proof_id'],
    ['a proof of another type', (make: (c?: object, h?: object) => string) => [make({}, { typ: 'JWT' })], 'proof_type'],
    [
      'a proof with a private key',
      (make: (c?: object, h?: object) => string) => [make({}, { jwk: { kty: 'EC', d: 'x' } })],
      'proof_key',
    ],
    ['text', () => ['proof'], 'proof_malformed'],
  ])('is refused with %s', async (_, proofs, reason) => {
    const { server, requestFor, proof, audit } = createHarness();
    const key = makeKey();
    const request = requestFor(
      'vwap-engine',
      { grant_type: 'client_credentials', scope: 'order:read', resource: venueOrders },
      { proofs: proofs((claims = {}, header = {}) => proof(key, claims, header)) },
    );
    expect(await refusalOf(server.token(request))).toMatchObject({ code: 'invalid_dpop_proof', reason });
    expect(audit.last()).toMatchObject({ type: 'token.refused', client: 'vwap-engine', reason });
  });
});

describe('single use', () => {
  it('issues exactly one token for one assertion, however many simultaneous requests carry it', async () => {
    const { server, clientCredentials, assertion, audit } = createHarness();
    const once = assertion('vwap-engine');
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => refusalOf(server.token(clientCredentials({ client_assertion: once })))),
    );
    expect(answers.filter(({ code }) => code === 'released')).toHaveLength(1);
    expect(answers.filter(({ reason }) => reason === 'client_assertion_replayed')).toHaveLength(49);
    expect(audit.records.filter(({ type }) => type === 'token.issued')).toHaveLength(1);
    expect(audit.records.filter(({ type }) => type === 'client.refused')).toHaveLength(49);
  });

  it('issues exactly one token for one proof, however many simultaneous requests carry it', async () => {
    const { server, clientCredentials, proof } = createHarness();
    const once = proof(makeKey());
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => refusalOf(server.token({ ...clientCredentials(), dpop: [once] }))),
    );
    expect(answers.filter(({ code }) => code === 'released')).toHaveLength(1);
    expect(
      answers.filter(({ code, reason }) => code === 'invalid_dpop_proof' && reason === 'proof_replayed'),
    ).toHaveLength(49);
  });

  it('issues exactly one token for one partner’s assertion, however many simultaneous requests carry it', async () => {
    const { server, federated, partnerAssertion } = createHarness();
    const once = partnerAssertion();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => refusalOf(server.token(federated({ assertion: once })))),
    );
    expect(answers.filter(({ code }) => code === 'released')).toHaveLength(1);
    expect(
      answers.filter(({ code, reason }) => code === 'invalid_grant' && reason === 'assertion_replayed'),
    ).toHaveLength(49);
  });

  it('lets nobody use up the id of an assertion or a proof without its key', async () => {
    const { server, clientCredentials, assertion, proof, singleUse, dpopKeyOf } = createHarness();
    const forger = makeKey();
    const claims = { iss: 'vwap-engine', sub: 'vwap-engine', aud: issuer, jti: 'victim', exp: 1_795_428_060 };
    await refusalOf(server.token(clientCredentials({ client_assertion: signJws(forger, { alg: 'ES256' }, claims) })));
    const forgedProof = proof(forger, { jti: 'victim' }, { jwk: dpopKeyOf('vwap-engine').jwk });
    await refusalOf(server.token({ ...clientCredentials(), dpop: [forgedProof] }));
    expect(singleUse.claims).toEqual([]);
    const honest = {
      ...clientCredentials({ client_assertion: assertion('vwap-engine', { jti: 'victim' }) }),
      dpop: [proof(dpopKeyOf('vwap-engine'), { jti: 'victim' })],
    };
    expect(await refusalOf(server.token(honest))).toEqual({ code: 'released' });
  });

  it('keeps the ids of different purposes and issuers apart, and claims them for as long as a replay is possible', async () => {
    const { server, clientCredentials, requestFor, assertion, proof, singleUse, dpopKeyOf, seconds } = createHarness();
    const same = { jti: 'same' };
    await server.token({
      ...clientCredentials({ client_assertion: assertion('vwap-engine', same) }),
      dpop: [proof(dpopKeyOf('vwap-engine'), same)],
    });
    const other = requestFor(
      'order-desk',
      {
        grant_type: 'client_credentials',
        scope: 'order:read',
        resource: venueOrders,
        client_assertion: assertion('order-desk', same),
      },
      { proofs: [proof(dpopKeyOf('order-desk'), same)] },
    );
    expect(await refusalOf(server.token(other))).toEqual({ code: 'released' });
    expect(singleUse.claims[0]).toEqual({
      purpose: 'client-assertion',
      issuer: 'vwap-engine',
      id: 'same',
      expiresAt: (seconds() + 70) * 1000,
    });
    expect(singleUse.claims[1]).toEqual({
      purpose: 'dpop-proof',
      issuer: dpopKeyOf('vwap-engine').kid,
      id: 'same',
      expiresAt: (seconds() + 70) * 1000,
    });
  });
});

describe('target and scope', () => {
  it('are taken from the scopes of a request without a target, which is refused if several interfaces match', async () => {
    const { server, clientCredentials, world } = createHarness();
    const response = await server.token(clientCredentials({ resource: undefined }));
    expect(claimsOf(response)).toMatchObject({ aud: venueOrders });
    world.changeClient('vwap-engine', {
      audiences: known(world.directory.snapshot().client('trading-desk')).audiences,
    });
    expect(
      await refusalOf(server.token(clientCredentials({ resource: undefined, scope: 'order:read' }))),
    ).toMatchObject({
      code: 'invalid_target',
      reason: 'target_missing',
    });
  });

  it.each([
    ['a target with a fragment', { resource: `${venueOrders}#x` }, 'invalid_target', 'target_unknown'],
    ['a relative target', { resource: '/orders' }, 'invalid_target', 'target_unknown'],
    ['an unregistered target', { resource: 'https://evil.example' }, 'invalid_target', 'target_unknown'],
    ['a target with a slash more', { resource: `${venueOrders}/` }, 'invalid_target', 'target_unknown'],
    ['a target of others', { resource: clearingTrades }, 'invalid_target', 'target_not_allowed'],
    ['no scope', { scope: undefined }, 'invalid_scope', 'scope_missing'],
    ['a scope outside the vocabulary', { scope: 'order:create order:destroy' }, 'invalid_scope', 'scope_unknown'],
    ['a generic scope', { scope: 'admin_all' }, 'invalid_scope', 'scope_generic'],
    ['a scope with a wildcard', { scope: 'order:*' }, 'invalid_scope', 'scope_generic'],
    ['two spaces between scopes', { scope: 'order:create  order:read' }, 'invalid_scope', 'scope_unknown'],
    ['a scope the client is not registered for', { scope: 'report:submit' }, 'invalid_scope', 'scope_not_allowed'],
    ['a scope the target does not offer', { scope: 'decision:evaluate' }, 'invalid_scope', 'scope_not_offered'],
    ['scopes that check each other', { scope: 'order:create order:approve' }, 'invalid_scope', 'scope_duties_combined'],
  ])('refuse a request with %s', async (_, change, code, reason) => {
    const { server, clientCredentials, audit } = createHarness();
    expect(await refusalOf(server.token(clientCredentials(change)))).toMatchObject({ code, reason });
    expect(audit.last()).toMatchObject({
      type: 'token.refused',
      reason,
      subject: { id: 'agent:vwap-1', institution: broker },
    });
  });

  it('accept a target named by audience (RFC 8693)', async () => {
    const { server, clientCredentials } = createHarness();
    expect(await refusalOf(server.token(clientCredentials({ resource: undefined, audience: venueOrders })))).toEqual({
      code: 'released',
    });
  });
});

describe('evidence before release', () => {
  it('releases nothing while the log cannot be written, and the credentials stay used', async () => {
    const { server, clientCredentials, audit } = createHarness();
    const request = clientCredentials();
    audit.breakDown();
    expect(await refusalOf(server.token(request))).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'log_unavailable',
    });
    audit.repair();
    expect(audit.records).toEqual([]);
    expect(await refusalOf(server.token(request))).toMatchObject({
      code: 'invalid_client',
      reason: 'client_assertion_replayed',
    });
  });

  it('does not return a refusal that cannot be recorded', async () => {
    const { server, clientCredentials, audit } = createHarness();
    audit.breakDown();
    expect(await refusalOf(server.token(clientCredentials({ scope: 'report:submit' })))).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'log_unavailable',
    });
  });

  it('releases nothing while single-use values cannot be claimed', async () => {
    const { server, clientCredentials, singleUse, audit } = createHarness();
    singleUse.failWith(
      new CodedError({
        code: 'database_unavailable',
        category: 'unavailable',
        detail: 'The database cannot answer now.',
      }),
    );
    expect(await refusalOf(server.token(clientCredentials()))).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'database_unavailable',
    });
    expect(audit.last()).toMatchObject({ type: 'token.refused', reason: 'database_unavailable' });
  });

  it('records an internal error and does not disguise it as a refusal', async () => {
    const { server, clientCredentials, singleUse, audit } = createHarness();
    singleUse.failWith(new Error('a bug'));
    await expect(server.token(clientCredentials())).rejects.toThrow('a bug');
    expect(audit.last()).toMatchObject({ type: 'token.refused', reason: 'internal_error' });
    expect(JSON.stringify(audit.last())).not.toContain('a bug');
  });

  it('keeps assertions, proofs and tokens out of every record', async () => {
    const { server, clientCredentials, federated, partnerAssertion, exchange, audit } = createHarness();
    const assertion = partnerAssertion();
    const { access_token: token } = await server.token(clientCredentials({ scope: 'trade:read' }));
    const requests = [
      clientCredentials(),
      federated({ assertion }),
      exchange(token),
      clientCredentials({ scope: 'report:submit' }),
    ];
    await Promise.all(requests.map((request) => refusalOf(server.token(request))));
    const written = JSON.stringify(audit.records);
    const secrets = [
      assertion,
      token,
      ...requests.flatMap(({ body, dpop }) => [...dpop, new URLSearchParams(body).get('client_assertion') ?? '']),
    ];
    for (const secret of secrets) expect(written).not.toContain(secret.split('.')[2]);
  });
});
