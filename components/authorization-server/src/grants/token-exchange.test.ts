import { digestOf, sha256Base64Url, toInstant } from '@countersign/kernel';
import { revocationKey } from '@countersign/oauth';
import { createTestAuthority, makeKey, signJws } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { claimsOf, createHarness, type Harness, issuer, refusalOf } from '../testing/harness.ts';
import { broker, clearingTrades, custodianSettlement, venueOrders } from '../testing/trading-world.ts';

/** An agent's token for the venue, with an intent, wide enough to be exchanged. */
async function tokenAtVenue({ server, clientCredentials, order }: Harness) {
  return server.token(
    clientCredentials({ scope: 'order:create trade:read settlement:instruct', authorization_details: order() }),
  );
}

describe('token exchange', () => {
  it('keeps subject, institution, transaction, intent and mandate, and adds the actor', async () => {
    const harness = createHarness();
    const { server, exchange } = harness;
    const first = await tokenAtVenue(harness);
    const second = await server.token(exchange(first.access_token, { scope: 'settlement:instruct trade:read' }));
    expect(second).toMatchObject({
      token_type: 'DPoP',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      scope: 'settlement:instruct trade:read',
      txn: first.txn,
    });
    const [before, after] = [claimsOf(first), claimsOf(second)];
    for (const kept of ['sub', 'lei', 'txn', 'intent_digest', 'mandate', 'authorization_details'])
      expect(after[kept]).toEqual(before[kept]);
    expect(after).toMatchObject({
      aud: clearingTrades,
      client_id: 'venue-gateway',
      act: { sub: 'service:venue' },
      cnf: { jkt: harness.dpopKeyOf('venue-gateway').kid },
    });
    expect(after['jti']).not.toBe(before['jti']);
  });

  it('names every hop, the current actor outermost', async () => {
    const harness = createHarness();
    const { server, exchange, audit } = harness;
    const first = await tokenAtVenue(harness);
    const second = await server.token(exchange(first.access_token));
    const third = await server.token(exchange(second.access_token, { resource: custodianSettlement }, 'clearing-core'));
    expect(claimsOf(third)).toMatchObject({
      sub: 'agent:vwap-1',
      act: { sub: 'service:clearing', act: { sub: 'service:venue' } },
      scope: 'settlement:instruct',
    });
    expect(audit.last().actors?.map(({ id }) => id)).toEqual(['service:clearing', 'service:venue']);
  });

  it('records both tokens', async () => {
    const harness = createHarness();
    const { server, exchange, audit, consentStore, policyEngine } = harness;
    const first = await tokenAtVenue(harness);
    const second = await server.token(exchange(first.access_token));
    const before = claimsOf(first);
    expect(audit.last()).toMatchObject({
      type: 'token.exchanged',
      transaction: first.txn,
      subject: { id: 'agent:vwap-1', institution: broker },
      references: [policyEngine.policyRecord, consentStore.mandate.recordId, before['evidence']],
      data: {
        claims: claimsOf(second),
        token_sha256: sha256Base64Url(second.access_token),
        subject_token: {
          jti: before['jti'],
          record: before['evidence'],
          claims_digest: digestOf(before),
          token_sha256: sha256Base64Url(first.access_token),
        },
      },
    });
  });

  it('issues the scopes that token, client and target have in common if the request names none', async () => {
    const harness = createHarness();
    const { server, exchange } = harness;
    const first = await tokenAtVenue(harness);
    expect((await server.token(exchange(first.access_token))).scope).toBe('settlement:instruct trade:read');
  });

  it('is refused if token, client and target have no scope in common', async () => {
    const { server, clientCredentials, exchange } = createHarness();
    const { access_token: token } = await server.token(clientCredentials({ scope: 'order:cancel' }));
    expect(await refusalOf(server.token(exchange(token)))).toMatchObject({
      code: 'invalid_scope',
      reason: 'scope_missing',
    });
  });

  it('ends with the consent of the person behind the subject token', async () => {
    const harness = createHarness();
    const { server, exchange, mint, revocations, clientCredentials, consentStore, world, clock } = harness;
    const client = world.directory.snapshot().client('trading-desk');
    const person = world.directory.snapshot().principal('person:anna.keller');
    if (client === undefined || person === undefined) throw new Error('a fixture is missing');
    const { id } = await consentStore.grants.give({
      ...{ client: client.id, subject: person.id, institution: broker, expiresAt: toInstant(clock.now() + 60_000) },
      ...{ scopes: ['trade:read'], details: [], resources: [venueOrders], acr: 'phr', amr: [], authTime: 0 },
    });
    const consent = { kind: 'grant', id } as const;
    const claims = claimsOf(await server.token(clientCredentials({ scope: 'trade:read' })));
    const second = await server.token(exchange(mint({ ...claims, grant: revocationKey(consent) })));
    expect(claimsOf(second)['grant']).toBe(revocationKey(consent));
    const third = exchange(
      second.access_token,
      { resource: custodianSettlement, scope: 'trade:read' },
      'clearing-core',
    );
    await revocations.revoke(consent, { id: 'person:anna.keller', institution: broker }, 'withdrawn');
    expect(await refusalOf(server.token(third))).toMatchObject({ reason: 'subject_token_revoked' });
  });

  it('ends with every token it derives from, over any number of hops', async () => {
    const harness = createHarness();
    const { server, exchange, revocations } = harness;
    const first = await tokenAtVenue(harness);
    const second = await server.token(exchange(first.access_token));
    const third = await server.token(exchange(second.access_token, { resource: custodianSettlement }, 'clearing-core'));
    const keys = [second, first].map((token) => revocationKey({ kind: 'token', id: String(claimsOf(token)['jti']) }));
    expect(claimsOf(second)['ancestors']).toEqual(keys.slice(1));
    expect(claimsOf(third)['ancestors']).toEqual(keys);
    expect(claimsOf(first)).not.toHaveProperty('ancestors');
    const again = () => server.token(exchange(second.access_token, { resource: custodianSettlement }, 'clearing-core'));
    await again();
    await revocations.revoke(
      { kind: 'token', id: String(claimsOf(first)['jti']) },
      { id: 'agent:vwap-1', institution: broker },
      'stolen',
    );
    expect(await refusalOf(again())).toMatchObject({ reason: 'subject_token_revoked' });
  });

  it('may narrow the intent under the same digest', async () => {
    const harness = createHarness();
    const { server, exchange, order } = harness;
    const first = await tokenAtVenue(harness);
    const less = order({
      locations: [clearingTrades],
      actions: ['clear'],
      max_qty: '40',
      max_notional: { amount: '6000', ccy: 'EUR' },
    });
    const second = await server.token(exchange(first.access_token, { authorization_details: less }));
    expect(second.authorization_details).toEqual(JSON.parse(less));
    expect(claimsOf(second)['intent_digest']).toBe(claimsOf(first)['intent_digest']);
    const more = order({ locations: [custodianSettlement] });
    const widened = server.token(
      exchange(second.access_token, { authorization_details: more, resource: custodianSettlement }, 'clearing-core'),
    );
    expect(await refusalOf(widened)).toMatchObject({ reason: 'details_wider' });
  });

  it('ends no later than its subject token', async () => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    harness.clock.advance(200_000);
    const second = await harness.server.token(harness.exchange(first.access_token));
    expect(second.expires_in).toBe(100);
    expect(claimsOf(second)['exp']).toBe(claimsOf(first)['exp']);
    harness.clock.advance(100_000);
    expect(await refusalOf(harness.server.token(harness.exchange(first.access_token)))).toMatchObject({
      code: 'invalid_request',
      reason: 'token_expired',
    });
  });

  it('checks again that the mandate is in force', async () => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    harness.consentStore.change({ status: 'revoked', version: 3 });
    expect(await refusalOf(harness.server.token(harness.exchange(first.access_token)))).toMatchObject({
      code: 'access_denied',
      reason: 'mandate_revoked',
    });
  });

  it.each([
    ['the subject', 'principal', 'agent:vwap-1'],
    ['the client the token was issued to', 'client', 'vwap-engine'],
  ] as const)('is refused once %s has left the directory', async (_, kind, id) => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    harness.world.remove(kind, id);
    expect(await refusalOf(harness.server.token(harness.exchange(first.access_token)))).toMatchObject({
      code: 'invalid_request',
      reason: 'subject_token_revoked',
    });
  });

  it('is refused once the subject’s institution is no longer in good standing', async () => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    // Policies decide what an institution with a lapsed registration may still do: see `institution-in-good-standing`.
    harness.world.lapse(broker, 'LAPSED');
    expect(await refusalOf(harness.server.token(harness.exchange(first.access_token)))).toEqual({ code: 'released' });
    harness.world.lapse(broker);
    expect(await refusalOf(harness.server.token(harness.exchange(first.access_token)))).toMatchObject({
      reason: 'institution_not_in_good_standing',
    });
  });
});

describe('an exchange that would widen the token', () => {
  it.each([
    [
      'a scope the token does not hold',
      { scope: 'settlement:read' },
      'invalid_scope',
      'scope_wider',
      'settlement:read',
    ],
    [
      'a scope the client is not registered for',
      { scope: 'order:create' },
      'invalid_scope',
      'scope_not_allowed',
      'order:create',
    ],
    ['the same audience again', { resource: venueOrders }, 'invalid_target', 'target_unchanged', 'already'],
    [
      'an audience the client may not ask for',
      { resource: 'https://broker.example/book' },
      'invalid_target',
      'target_not_allowed',
      'broker.example',
    ],
    ['an unknown audience', { resource: 'https://evil.example' }, 'invalid_target', 'target_unknown', 'registered'],
    ['no audience', { resource: undefined }, 'invalid_target', 'target_missing', 'resource'],
  ])('by %s is refused, naming it', async (_, change, code, reason, example) => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    const answer = await refusalOf(harness.server.token(harness.exchange(first.access_token, change)));
    expect(answer).toMatchObject({ code, reason, detail: expect.stringContaining(example) });
    expect(harness.audit.last()).toMatchObject({
      type: 'token.refused',
      reason,
      client: 'venue-gateway',
      subject: { id: 'agent:vwap-1' },
    });
  });

  it.each([
    ['quantity', { max_qty: '101' }, '101'],
    ['notional', { max_notional: { amount: '15000.01', ccy: 'EUR' } }, '15000.01'],
    ['deadline', { not_after: '2026-11-23T17:00:01Z' }, '17:00:01'],
    ['actions', { actions: ['clear', 'amend'] }, 'amend'],
    ['locations', { locations: [clearingTrades, 'https://elsewhere.example'] }, 'elsewhere'],
    ['side', { side: 'SELL' }, 'SELL'],
    ['account', { account: 'ACC-2' }, 'ACC-2'],
    ['instrument', { instrument: { isin: 'US0378331005', cfi: 'ESVUFR' } }, 'US0378331005'],
    ['entity', { entity_lei: broker }, broker],
    ['mandate', { mandate_id: `mnd_${'0'.repeat(26)}` }, 'mnd_'],
    ['intent', { idempotency_key: 'order-0002' }, 'order-0002'],
    ['algorithm', { algo: undefined }, 'algo'],
  ])('by the %s of the intent is refused with an example', async (_, change, example) => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    const answer = harness.server.token(
      harness.exchange(first.access_token, { authorization_details: harness.order(change) }),
    );
    expect(await refusalOf(answer)).toMatchObject({
      code: 'invalid_authorization_details',
      reason: 'details_wider',
      detail: expect.stringContaining(example),
    });
  });

  it('by adding an intent is refused', async () => {
    const { server, clientCredentials, exchange, order } = createHarness();
    const { access_token: token } = await server.token(clientCredentials({ scope: 'trade:read' }));
    const answer = server.token(exchange(token, { authorization_details: order() }));
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_authorization_details', reason: 'details_wider' });
  });

  it('to a location that the original intent did not name is refused', async () => {
    const { server, clientCredentials, order, exchange } = createHarness();
    const first = await server.token(
      clientCredentials({ scope: 'trade:read', authorization_details: order({ locations: [venueOrders] }) }),
    );
    expect(await refusalOf(server.token(exchange(first.access_token)))).toMatchObject({
      code: 'invalid_authorization_details',
      reason: 'details_location',
    });
  });
});

describe('the subject token', () => {
  it('can be exchanged only by its recipient', async () => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    for (const [client, resource] of [
      ['clearing-core', custodianSettlement],
      ['order-desk', clearingTrades],
      ['custodian-core', clearingTrades],
    ] as const) {
      const answer = harness.server.token(harness.exchange(first.access_token, { resource }, client));
      expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_request', reason: 'token_audience' });
    }
  });

  it.each<readonly [string, (harness: Harness) => string]>([
    ['a client assertion', ({ assertion }) => assertion('venue-gateway')],
    ['a proof', ({ proof }) => proof(makeKey())],
    ["a partner's assertion", ({ partnerAssertion }) => partnerAssertion()],
    ['text', () => 'token'],
  ])('is not %s', async (_, make) => {
    const harness = createHarness();
    const answer = await refusalOf(harness.server.token(harness.exchange(make(harness))));
    expect(answer).toMatchObject({ code: 'invalid_request', reason: expect.stringMatching(/^token_(type|invalid)$/) });
  });

  it.each([
    ['typ', {}, { typ: 'JWT' }, 'token_type'],
    ['issuer', { iss: 'https://evil.example' }, {}, 'token_issuer'],
    ['audience, as an array', { aud: [venueOrders] }, {}, 'token_audience'],
    ['key', {}, { kid: 'other' }, 'token_key_unknown'],
    ['act, as text', { act: 'service:oms' }, {}, 'token_invalid'],
    ['act, with a member nobody knows', { act: { sub: 'service:oms', iss: 'https://x.example' } }, {}, 'token_invalid'],
  ])('is refused with another %s', async (_, claims, header, reason) => {
    const harness = createHarness();
    const before = claimsOf(await tokenAtVenue(harness));
    const answer = harness.server.token(harness.exchange(harness.mint({ ...before, ...claims }, header)));
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_request', reason });
  });

  it.each([
    ['an actor token', { actor_token: 'x', actor_token_type: 'urn:ietf:params:oauth:token-type:access_token' }],
    ['an actor token type alone', { actor_token_type: 'urn:ietf:params:oauth:token-type:jwt' }],
    ['another type of subject token', { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }],
    ['no type of subject token', { subject_token_type: undefined }],
    ['a refresh token as subject', { subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
    ['a refresh token in return', { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
  ])('with %s is refused rather than ignored', async (_, change) => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    const answer = harness.server.token(harness.exchange(first.access_token, change));
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_request', reason: 'parameter_unsupported' });
  });
});

describe('the chain of actors', () => {
  const chain = (...actors: readonly string[]) =>
    actors.reduceRight<object | undefined>((act, sub) => (act === undefined ? { sub } : { sub, act }), undefined);

  it('grows to four and no further', async () => {
    const harness = createHarness();
    const before = claimsOf(await tokenAtVenue(harness));
    const three = harness.mint({ ...before, act: chain('service:c', 'service:b', 'service:a') });
    const four = harness.mint({ ...before, act: chain('service:d', 'service:c', 'service:b', 'service:a') });
    expect(await refusalOf(harness.server.token(harness.exchange(three)))).toEqual({ code: 'released' });
    expect(await refusalOf(harness.server.token(harness.exchange(four)))).toMatchObject({
      code: 'invalid_request',
      reason: 'act_too_deep',
    });
  });

  it('never returns to an actor already in it', async () => {
    const harness = createHarness();
    const before = claimsOf(await tokenAtVenue(harness));
    for (const change of [
      { act: chain('service:oms', 'service:venue') },
      { sub: 'service:venue', client_id: 'venue-gateway' },
    ])
      expect(
        await refusalOf(harness.server.token(harness.exchange(harness.mint({ ...before, ...change })))),
      ).toMatchObject({ code: 'invalid_request', reason: 'act_loop' });
  });

  it.each([
    ['names this client by its principal', { sub: 'service:venue' }, 'released'],
    [
      'names this client by principal and id',
      { sub: 'service:venue', client_id: 'venue-gateway', iss: issuer },
      'released',
    ],
    ['names another principal', { sub: 'service:clearing' }, 'actor_not_allowed'],
    ['names another client of the same principal', { sub: 'service:venue', client_id: 'other' }, 'actor_not_allowed'],
    ['names another issuer', { sub: 'service:venue', iss: 'https://evil.example' }, 'actor_not_allowed'],
    ['holds an unknown condition', { sub: 'service:venue', hours: '9-17' }, 'actor_not_allowed'],
    ['names no actor', {}, 'actor_not_allowed'],
    ['names a list', { sub: ['service:venue'] }, 'actor_not_allowed'],
  ])('is limited by a may_act that %s, even without an actor token', async (_, mayAct, outcome) => {
    const harness = createHarness();
    const before = claimsOf(await tokenAtVenue(harness));
    const answer = await refusalOf(
      harness.server.token(harness.exchange(harness.mint({ ...before, may_act: mayAct }))),
    );
    expect(answer.reason ?? answer.code).toBe(outcome);
    expect(harness.audit.last()).toMatchObject({
      subject: { id: 'agent:vwap-1', institution: broker },
      references: expect.arrayContaining([before['evidence']]),
    });
  });
});

describe('an interface with a registered permitted actor', () => {
  it('names it in its tokens, and that actor can exchange them', async () => {
    const harness = createHarness();
    harness.world.nameActor(venueOrders, 'service:venue');
    const first = await tokenAtVenue(harness);
    expect(claimsOf(first)['may_act']).toEqual({ sub: 'service:venue' });
    expect(harness.audit.last().data).toMatchObject({ claims: { may_act: { sub: 'service:venue' } } });
    // The new token is for another interface, which names its own permitted actor.
    const second = await harness.server.token(harness.exchange(first.access_token));
    expect(claimsOf(second)).not.toHaveProperty('may_act');
    harness.world.nameActor(clearingTrades, 'service:clearing');
    const third = await harness.server.token(harness.exchange(first.access_token));
    expect(claimsOf(third)).toMatchObject({ act: { sub: 'service:venue' }, may_act: { sub: 'service:clearing' } });
  });

  it('refuses every other client of its institution, and records the refusal', async () => {
    const harness = createHarness();
    harness.world.nameActor(venueOrders, 'service:venue-books');
    const first = await tokenAtVenue(harness);
    expect(await refusalOf(harness.server.token(harness.exchange(first.access_token)))).toMatchObject({
      code: 'invalid_request',
      reason: 'actor_not_allowed',
    });
    expect(harness.audit.last()).toMatchObject({ type: 'token.refused', reason: 'actor_not_allowed' });
  });

  it('applies both the current registration and the token: neither widens the other', async () => {
    const harness = createHarness();
    const answer = async (token: string) =>
      (await refusalOf(harness.server.token(harness.exchange(token)))).reason ?? 'released';
    const unnamed = (await tokenAtVenue(harness)).access_token;
    harness.world.nameActor(venueOrders, 'service:venue-books');
    const another = (await tokenAtVenue(harness)).access_token;
    expect(await answer(unnamed)).toBe('actor_not_allowed');
    harness.world.nameActor(venueOrders, 'service:venue');
    expect(await answer(unnamed)).toBe('released');
    expect(await answer(another)).toBe('actor_not_allowed');
    harness.world.nameActor(venueOrders, undefined);
    expect(await answer(another)).toBe('actor_not_allowed');
  });
});

describe('the subject token of an exchange', () => {
  it('is refused once it has been revoked in any way', async () => {
    const harness = createHarness();
    const { server, exchange, revocations, audit, consentStore } = harness;
    const by = { id: 'person:olivia.ops' };
    const kinds = [
      { kind: 'token', id: '' },
      { kind: 'mandate', id: consentStore.mandate.id },
      { kind: 'client', id: 'vwap-engine' },
      { kind: 'principal', id: 'agent:vwap-1' },
      { kind: 'partner', id: broker },
    ] as const;
    for (const target of kinds) {
      harness.clock.advance(60_000);
      const first = await tokenAtVenue(harness);
      const id = target.kind === 'token' ? String(claimsOf(first)['jti']) : target.id;
      await revocations.revoke({ ...target, id }, by, 'lost');
      expect(await refusalOf(server.token(exchange(first.access_token)))).toMatchObject({
        code: 'invalid_request',
        reason: 'subject_token_revoked',
      });
      expect(audit.last()).toMatchObject({ type: 'token.refused', subject: { id: 'agent:vwap-1' } });
    }
  });

  it('is refused while the revocation status is unknown', async () => {
    const harness = createHarness();
    const first = await tokenAtVenue(harness);
    harness.revocations.lose(true);
    expect(await refusalOf(harness.server.token(harness.exchange(first.access_token)))).toMatchObject({
      code: 'temporarily_unavailable',
    });
  });

  it('may have any binding; the new token is bound to the client that exchanges it', async () => {
    const harness = createHarness();
    const { server, exchange, requestFor, dpopKeyOf, world } = harness;
    world.changeClient('vwap-engine', { binding: 'mtls' });
    const { der } = createTestAuthority({ name: 'CA' }).issue({ subject: 'CN=engine' });
    const first = await server.token(
      requestFor(
        'vwap-engine',
        { grant_type: 'client_credentials', scope: 'trade:read', resource: venueOrders },
        { certificate: { der, chainVerified: true } },
      ),
    );
    const second = await server.token(exchange(first.access_token));
    expect(second.token_type).toBe('DPoP');
    expect(claimsOf(second)['cnf']).toEqual({ jkt: dpopKeyOf('venue-gateway').kid });
  });

  it('must be an access token by its type', async () => {
    const { server, exchange, clientCredentials } = createHarness();
    const { access_token: token } = await server.token(clientCredentials());
    for (const type of ['refresh_token', 'id_token', 'jwt', 'saml2'])
      expect(
        await refusalOf(
          server.token(exchange(token, { subject_token_type: `urn:ietf:params:oauth:token-type:${type}` })),
        ),
      ).toMatchObject({ code: 'invalid_request', reason: 'parameter_unsupported' });
  });

  it('must be an access token by its content', async () => {
    const { server, exchange, signer, assertion, seconds, clientCredentials, mint } = createHarness();
    const [idKey] = signer.idTokenKeys;
    if (idKey === undefined) throw new Error('a signer without keys');
    const times = { iat: seconds(), exp: seconds() + 60 };
    const idToken = { iss: issuer, sub: 'person:anna.keller', aud: 'venue-gateway', auth_time: seconds(), ...times };
    const real = claimsOf(await server.token(clientCredentials({ scope: 'trade:read' })));
    const subjects: readonly (readonly [string, string])[] = [
      [`csr_${'x'.repeat(43)}`, 'token_invalid'],
      [`cst_${'x'.repeat(10)}`, 'token_invalid'],
      [signJws(idKey, { alg: 'ES256', typ: 'JWT', kid: idKey.kid }, idToken), 'token_type'],
      [signJws(idKey, { alg: 'ES256', typ: 'at+jwt', kid: idKey.kid }, real), 'token_key_unknown'],
      [assertion('venue-gateway'), 'token_type'],
      [mint(real, { typ: 'logout+jwt' }), 'token_type'],
      [mint({ ...real, cnf: undefined }), 'token_invalid'],
      [mint({ ...real, scope: 'openid' }), 'scope_unknown'],
    ];
    for (const [subject, reason] of subjects)
      expect(await refusalOf(server.token(exchange(subject)))).toMatchObject({ reason });
  });
});
