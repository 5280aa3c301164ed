import { parseResourceUri, permittedAt, permittedIntent, type TokenResponse } from '@countersign/contracts';
import { newId, type TransactionId } from '@countersign/kernel';
import { changesMarket, isForAlgorithms, kindOfScope, scopes, transactionStepType } from '@countersign/market';
import { importVerificationKey, verifyAccessToken } from '@countersign/oauth';
import type { ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerMigrations } from '../migrations.ts';
import { createConsents, detailsOf } from '../testing/consents.ts';
import { claimsOf, createHarness, issuer, refusalOf } from '../testing/harness.ts';
import { broker, clearing, clearingTrades, ourTransactions, venue, venueOrders } from '../testing/trading-world.ts';

let database: ScratchDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ components: [authorizationServerMigrations] });
});
afterAll(() => database.drop());

let seed = 0;
function start(options: Parameters<typeof createHarness>[0] = {}) {
  seed += 1;
  const pool = database.pool('authorization-server');
  const harness = createHarness({ pool, seed: `market authority ${seed}`, ...options });
  return { ...harness, ...createConsents(harness, pool) };
}
type Started = ReturnType<typeof start>;

const stepOf = (transaction: string, actions: readonly string[] = ['submit'], change: object = {}) =>
  JSON.stringify([{ type: transactionStepType, locations: [ourTransactions], actions, transaction, ...change }]);

/** A transaction that an algorithm of the broker started. */
async function begun(world: Started): Promise<{ readonly txn: string; readonly token: TokenResponse }> {
  const token = await world.server.token(world.clientCredentials({ authorization_details: world.order() }));
  return { txn: String(claimsOf(token)['txn']), token };
}

describe('a market scope without an intent', () => {
  const missing = { code: 'invalid_authorization_details', reason: 'details_missing' };
  const withTrading = (world: Started) =>
    world.world.changeClient('trading-desk', { scopes: [...scopes, 'openid', 'offline_access'] });

  it('is issued to no client under its own authority, whichever scope it is', async () => {
    const world = start();
    world.world.changeClient('vwap-engine', { scopes });
    const resource = world.world.directory.snapshot().resource(venueOrders);
    Object.assign(resource ?? {}, { scopes });
    for (const scope of scopes) {
      const { reason, code } = await refusalOf(world.server.token(world.clientCredentials({ scope })));
      const bare = changesMarket(scope) || kindOfScope(scope) === 'approving';
      // The client acts for an algorithm.
      const refused = bare ? 'details_missing' : isForAlgorithms(scope) ? undefined : 'agent_not_entitled';
      expect([scope, refused === undefined ? code : reason]).toEqual([scope, refused ?? 'released']);
    }
  });

  it('is issued to no person whom a partner vouches for', async () => {
    const { server, federated, audit } = start();
    expect(await refusalOf(server.token(federated({ scope: 'order:create' })))).toMatchObject(missing);
    expect(audit.last()).toMatchObject({ type: 'token.refused', reason: 'details_missing' });
    expect(await refusalOf(server.token(federated({ scope: 'order:cancel order:read' })))).toEqual({
      code: 'released',
    });
  });

  it('is issued for neither a code nor a refresh token, even with a person’s consent', async () => {
    const world = start();
    withTrading(world);
    const { server, give, codeFor, redeem, refresh } = world;
    const consented = await give({ scopes: ['offline_access', 'order:create', 'order:cancel'] });
    expect(await refusalOf(server.token(redeem(await codeFor(consented))))).toMatchObject(missing);
    const first = await server.token(redeem(await codeFor(consented), { scope: 'offline_access order:cancel' }));
    expect(await refusalOf(server.token(refresh(first.refresh_token)))).toMatchObject(missing);
    expect(claimsOf(await server.token(refresh(first.refresh_token, { scope: 'order:cancel' })))['scope']).toBe(
      'order:cancel',
    );
  });

  it('is not gained by an exchange: no verifier accepts a token with this scope alone', async () => {
    const { server, mint, clientCredentials, exchange, order, signer } = start();
    const { access_token: read } = await server.token(clientCredentials({ scope: 'order:read trade:read' }));
    expect(await refusalOf(server.token(exchange(read, { scope: 'settlement:instruct' })))).toMatchObject({
      reason: 'scope_wider',
    });
    const traded = await server.token(
      clientCredentials({ scope: 'order:create settlement:instruct', authorization_details: order() }),
    );
    const whole = claimsOf(traded);
    for (const lost of ['authorization_details', 'mandate', 'txn', 'intent_digest']) {
      const { [lost]: _, ...rest } = whole;
      const forged = mint(rest);
      expect(await refusalOf(server.token(exchange(forged)))).toMatchObject({ reason: 'token_invalid' });
      const [key] = signer.keys;
      const keyOf = () => (key === undefined ? undefined : importVerificationKey(key.jwk));
      const now = Number(whole['iat']) * 1000;
      expect(() => verifyAccessToken(forged, { issuer, acceptsAudience: () => true, keyOf, now })).toThrow(
        expect.objectContaining({ code: 'token_invalid', detail: expect.stringContaining('order:create') }),
      );
    }
    expect(await refusalOf(server.token(exchange(mint(whole))))).toEqual({ code: 'released' });
  });

  it('allows approvals at our own interface, where the approver’s signature decides', async () => {
    const { server, requestFor, world, mint, clientCredentials, exchange } = start();
    world.changeClient('order-desk', { audiences: [ourTransactions, venueOrders].map(known) });
    Object.assign(world.directory.snapshot().resource(ourTransactions) ?? {}, { scopes: ['order:approve'] });
    const ask = (resource: string) =>
      server.token(requestFor('order-desk', { grant_type: 'client_credentials', scope: 'order:approve', resource }));
    expect(await refusalOf(ask(ourTransactions))).toEqual({ code: 'released' });
    expect(await refusalOf(ask(venueOrders))).toMatchObject(missing);
    const claims = claimsOf(await server.token(clientCredentials({ scope: 'order:read' })));
    const carried = exchange(mint({ ...claims, scope: 'order:approve' }));
    expect(await refusalOf(server.token(carried))).toMatchObject({ reason: 'token_invalid' });
  });
});

describe('a market scope with its intent', () => {
  it.each([
    ['pwd', 'sign_in_too_weak'],
    ['urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport', 'sign_in_too_weak'],
    ['', 'sign_in_too_weak'],
    ['phr', undefined],
    ['phrh', undefined],
  ])(
    'is issued to a partner’s person or refused, depending on the sign-in class %j and our tiers',
    async (acr, reason) => {
      const { server, federated, order, partnerAssertion } = start();
      const asked = (scope: string, details?: string) =>
        refusalOf(
          server.token(federated({ scope, assertion: partnerAssertion({ acr }), authorization_details: details })),
        );
      const trading = await asked('order:create', order({ algo: undefined }));
      expect(trading.reason).toBe(reason);
      expect(trading.code).toBe(reason === undefined ? 'released' : 'access_denied');
      // Cancelling is of the tier for orders too; reading takes any class.
      expect((await asked('order:cancel')).reason).toBe(reason);
      expect((await asked('order:read')).code).toBe('released');
    },
  );

  it('requires the hardware key if the tier does, whatever the trust profile allows', async () => {
    const authentication = {
      classesFor: (tier: string) =>
        tier === 'market-data' ? undefined : tier === 'approval' ? ['phrh'] : ['phr', 'phrh'],
    };
    const { server, federated, partnerAssertion, world } = start({ authentication });
    world.changeClient('order-desk', { audiences: [ourTransactions].map(known) });
    Object.assign(world.directory.snapshot().resource(ourTransactions) ?? {}, { scopes: ['order:approve'] });
    const ask = (acr: string) =>
      server.token(
        federated({ scope: 'order:approve', resource: ourTransactions, assertion: partnerAssertion({ acr }) }),
      );
    expect(await refusalOf(ask('phr'))).toMatchObject({ code: 'access_denied', reason: 'sign_in_too_weak' });
    expect(await refusalOf(ask('phrh'))).toEqual({ code: 'released' });
  });

  it.each(['Draft', 'Submitted'] as const)(
    'is not issued to an algorithm whose certificate is at %s',
    async (status) => {
      const { server, clientCredentials, order, world } = start();
      const agent = world.directory.snapshot().principal('agent:vwap-1');
      if (agent?.kind !== 'agent') throw new Error('no such agent');
      Object.assign(agent, { model: { ...agent.model, status } });
      expect(await refusalOf(server.token(clientCredentials({ authorization_details: order() })))).toMatchObject({
        code: 'access_denied',
        reason: 'agent_not_certified',
      });
      expect((await refusalOf(server.token(clientCredentials()))).code).toBe('released');
    },
  );

  it('is not issued to a person through such an algorithm, nor is any approval or governance scope through an algorithm', async () => {
    const { server, federated, order, partnerAssertion, world } = start();
    const agent = world.directory.snapshot().principal('agent:vwap-1');
    if (agent?.kind !== 'agent') throw new Error('no such agent');
    world.changeClient('order-desk', {
      principal: agent.id,
      scopes: ['order:create', 'order:cancel', 'policy:approve', 'mandate:grant'],
    });
    const venue = world.directory.snapshot().resource(venueOrders);
    Object.assign(venue ?? {}, { scopes: ['order:create', 'order:cancel', 'policy:approve', 'mandate:grant'] });
    const ask = (scope: string, details?: string) =>
      refusalOf(
        server.token(
          federated({ scope, assertion: partnerAssertion({ acr: 'phrh' }), authorization_details: details }),
        ),
      );
    for (const scope of ['policy:approve', 'mandate:grant'])
      expect(await ask(scope)).toMatchObject({ code: 'access_denied', reason: 'agent_not_entitled' });
    expect((await ask('order:create', order({ algo: undefined }))).code).toBe('released');
    Object.assign(agent, { model: { ...agent.model, status: 'Draft' } });
    expect(await ask('order:create', order({ algo: undefined }))).toMatchObject({ reason: 'agent_not_certified' });
    expect((await ask('order:cancel')).code).toBe('released');
  });

  it('is not issued to a person who is not a trader, by assertion, by code or by exchange', async () => {
    const world = start();
    const { server, federated, order, give, codeFor, redeem, exchange } = world;
    const intent = order({ algo: undefined });
    const token = await server.token(federated({ scope: 'order:create trade:read', authorization_details: intent }));
    const consented = await give({
      scopes: ['order:create'],
      details: detailsOf(order({ algo: undefined, idempotency_key: 'order-0002' })),
    });
    const code = await codeFor(consented);
    Object.assign(world.world.directory.snapshot().principal('person:anna.keller') ?? {}, { roles: ['compliance'] });
    world.world.changeClient('venue-gateway', { scopes: ['order:create', 'trade:read'] });
    Object.assign(world.world.directory.snapshot().resource(clearingTrades) ?? {}, { scopes: ['order:create'] });
    for (const asked of [
      federated({ authorization_details: intent }),
      redeem(code),
      exchange(token.access_token, { scope: 'order:create' }),
    ])
      expect(await refusalOf(server.token(asked))).toMatchObject({ code: 'access_denied', reason: 'trader_needed' });
  });

  it('starts no transaction for a service', async () => {
    const { server, requestFor, order } = start();
    const asked = { grant_type: 'client_credentials', scope: 'order:create', resource: venueOrders };
    const request = requestFor('order-desk', { ...asked, authorization_details: order({ algo: undefined }) });
    expect(await refusalOf(server.token(request))).toMatchObject({ reason: 'trader_needed' });
  });
});

describe('a token permits acting on an intent', () => {
  /** The standing entries of the newest record. */
  const standingIn = ({ audit }: Started) => (audit.last()?.standing ?? []).map(({ of }) => of);

  it('once it was permitted, for the institution whose interface it is for', async () => {
    const world = start();
    const { txn } = await begun(world);
    expect(world.audit.last()).toMatchObject({ type: 'token.issued', transaction: txn });
    expect(standingIn(world)).toEqual([
      permittedIntent(txn as TransactionId),
      permittedAt(txn as TransactionId, venue),
    ]);
  });

  it('not while it was refused, although others can approve its transaction', async () => {
    const world = start();
    world.policyEngine.denyWith({ code: 'step_up_very_large', detail: 'Sign in with your hardware key.' });
    expect(
      await refusalOf(world.server.token(world.clientCredentials({ authorization_details: world.order() }))),
    ).toMatchObject({
      code: 'access_denied',
    });
    expect(world.audit.last()).toMatchObject({ type: 'token.refused', transaction: expect.any(String) });
    expect(standingIn(world)).toEqual([]);
  });

  it('for one more institution with each exchange, which adds no new permission', async () => {
    const world = start();
    const scope = 'order:create settlement:instruct';
    const token = await world.server.token(world.clientCredentials({ scope, authorization_details: world.order() }));
    await world.server.token(world.exchange(token.access_token));
    const { txn } = claimsOf(token) as { readonly txn: TransactionId };
    expect(world.audit.last()).toMatchObject({ type: 'token.exchanged', transaction: txn });
    expect(standingIn(world)).toEqual([permittedAt(txn, clearing)]);
  });

  it('not if it is for reading or for a step', async () => {
    const world = start();
    await world.server.token(world.clientCredentials({ scope: 'order:read' }));
    expect(standingIn(world)).toEqual([]);
  });
});

describe('a token for a step of a transaction', () => {
  function atTheDesk(): Started {
    const world = start();
    world.world.changeClient('order-desk', {
      audiences: [ourTransactions].map(known),
      scopes: ['order:create', 'order:cancel', 'withdrawal:request'],
    });
    return world;
  }
  const ask = ({ requestFor }: Started, details: string, change: object = {}) =>
    requestFor('order-desk', {
      grant_type: 'client_credentials',
      scope: 'order:create',
      resource: ourTransactions,
      authorization_details: details,
      ...change,
    });

  it('names the step, the transaction, its intent and its mandate, and is recorded with it', async () => {
    const world = atTheDesk();
    const { txn, token } = await begun(world);
    // Nobody can exchange such a token, because it names no permitted actor.
    world.world.nameActor(ourTransactions, 'service:venue');
    const issued = await world.server.token(ask(world, stepOf(txn)));
    expect(claimsOf(issued)).not.toHaveProperty('may_act');
    const { mandate, intent_digest } = claimsOf(token) as { mandate: object; intent_digest: string };
    expect(claimsOf(issued)).toMatchObject({
      sub: 'service:order-desk',
      lei: broker,
      aud: ourTransactions,
      scope: 'order:create',
      txn,
      intent_digest,
      authorization_details: [
        { type: transactionStepType, locations: [ourTransactions], actions: ['submit'], transaction: txn, mandate },
      ],
    });
    expect(claimsOf(issued)).not.toHaveProperty('mandate');
    expect(world.audit.last()).toMatchObject({ type: 'token.issued', transaction: txn, intent: intent_digest });
    expect(world.policyEngine.asked.at(-1)).toMatchObject({
      resource: { type: 'resource', uri: ourTransactions },
      context: { step: { transaction: txn, events: ['submit'] } },
    });
  });

  it('is refused for a transaction in which the institution has no part, and for an unknown one', async () => {
    const world = atTheDesk();
    const { txn } = await begun(world);
    const elsewhere = `txn_${newId('record', world).slice(4)}`;
    world.world.changeClient('order-desk', { institution: clearing });
    world.world.changeClient('clearing-core', {
      audiences: [ourTransactions].map(known),
      scopes: ['order:create'],
    });
    for (const transaction of [txn, elsewhere]) {
      const request = world.requestFor('clearing-core', {
        grant_type: 'client_credentials',
        scope: 'order:create',
        resource: ourTransactions,
        authorization_details: stepOf(transaction),
      });
      expect(await refusalOf(world.server.token(request))).toMatchObject({ reason: 'transaction_unknown' });
    }
  });

  it.each([
    [
      'a step that another party takes',
      (txn: string) => stepOf(txn, ['submit', 'execute']),
      {},
      'step_of_another_party',
    ],
    ['a scope of another step', (txn: string) => stepOf(txn), { scope: 'withdrawal:request' }, 'scope_not_of_step'],
    [
      'two scopes of which one is of another step',
      (txn: string) => stepOf(txn),
      { scope: 'order:create withdrawal:request' },
      'scope_not_of_step',
    ],
    ['another place', (txn: string) => stepOf(txn, ['submit'], { locations: [venueOrders] }), {}, 'details_location'],
    ['no step at all', (txn: string) => stepOf(txn, []), {}, 'details_malformed'],
    [
      'a mandate of its own choice',
      (txn: string) => stepOf(txn, ['submit'], { mandate: { id: 'mnd_1', version: 1 } }),
      {},
      'details_malformed',
    ],
    ['something that is not a transaction', () => stepOf('mine'), {}, 'details_malformed'],
  ])('is refused for %s', async (_, details, change, reason) => {
    const world = atTheDesk();
    const { txn } = await begun(world);
    expect(await refusalOf(world.server.token(ask(world, details(txn), change)))).toMatchObject({ reason });
  });

  it('is refused at another party’s interface', async () => {
    const world = start();
    const { txn } = await begun(world);
    const details = stepOf(txn, ['submit'], { locations: [venueOrders] });
    expect(await refusalOf(world.server.token(ask(world, details, { resource: venueOrders })))).toMatchObject({
      reason: 'details_location',
    });
  });

  it('cannot be exchanged', async () => {
    const world = atTheDesk();
    world.world.changeClient('order-desk', {
      grantTypes: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      audiences: [ourTransactions, venueOrders].map(known),
    });
    const { txn } = await begun(world);
    const { access_token: token } = await world.server.token(ask(world, stepOf(txn)));
    expect(
      await refusalOf(world.server.token(world.exchange(token, { resource: venueOrders }, 'order-desk'))),
    ).toMatchObject({ reason: 'details_unsupported' });
  });
});

function known(uri: string) {
  const parsed = parseResourceUri(uri);
  if (parsed === undefined) throw new Error('a fixture that its own parser refuses');
  return parsed;
}
