import { parseClientId, parsePrincipalId } from '@countersign/contracts';
import { digestOf, sha256Base64Url } from '@countersign/kernel';
import { digestOfIntent } from '@countersign/market';
import { importVerificationKey, verifyIdToken } from '@countersign/oauth';
import type { ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase, makeKey } from '@countersign/testkit';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerMigrations } from '../migrations.ts';
import { createConsents, detailsOf } from '../testing/consents.ts';
import { claimsOf, createHarness, issuer, refusalOf, standingSession } from '../testing/harness.ts';
import {
  broker,
  brokerBook,
  clearing,
  clearingTrades,
  dashboardRedirect,
  deskRedirect,
  ourUserinfo,
  venueOrders,
} from '../testing/trading-world.ts';

let database: ScratchDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ components: [authorizationServerMigrations] });
});
afterAll(() => database.drop());

let seed = 0;
function start(options: Parameters<typeof createHarness>[0] = {}) {
  seed += 1;
  const pool = database.pool('authorization-server');
  const harness = createHarness({ pool, seed: `authorization-code ${seed}`, ...options });
  return { ...harness, ...createConsents(harness, pool) };
}

describe('the authorization code grant', () => {
  it('issues a token on behalf of the person who consented, with a refresh token and an ID token', async () => {
    const { server, give, codeFor, redeem, audit, dpopKeyOf, signer, clock } = start();
    const grant = await give();
    const response = await server.token(redeem(await codeFor(grant)));
    expect(response).toMatchObject({ token_type: 'DPoP', expires_in: 300 });
    expect(response.scope.split(' ').sort()).toEqual(['offline_access', 'openid', 'order:cancel', 'order:read']);
    expect(response).not.toHaveProperty('grant_id');
    const claims = claimsOf(response);
    expect(claims).toMatchObject({
      sub: 'person:anna.keller',
      act: { sub: 'service:trading-desk' },
      client_id: 'trading-desk',
      lei: broker,
      aud: venueOrders,
      scope: 'order:cancel order:read',
      cnf: { jkt: dpopKeyOf('trading-desk').kid },
      acr: 'phr',
      auth_time: grant.authTime,
      grant: expect.stringMatching(/^[\w-]{43}$/),
    });
    const [key] = signer.idTokenKeys;
    expect(
      verifyIdToken(response.id_token ?? '', {
        issuer,
        clientId: 'trading-desk',
        nonce: 'n-0S6_WzA2Mj',
        accessToken: response.access_token,
        keyOf: (kid) => (kid === key?.kid ? importVerificationKey(key.jwk) : undefined),
        now: clock.now(),
      }),
    ).toMatchObject({
      sub: 'person:anna.keller',
      sid: grant.session,
      acr: 'phr',
      amr: ['hwk', 'user'],
      auth_time: grant.authTime,
    });
    const record = audit.last();
    expect(record).toMatchObject({
      type: 'token.issued',
      subject: { id: 'person:anna.keller', institution: broker },
      actors: [{ id: 'service:trading-desk', institution: broker }],
      client: 'trading-desk',
      references: expect.arrayContaining([grant.recordId]),
      data: {
        grant_type: 'authorization_code',
        grant: { id: grant.id, version: 1 },
        token_sha256: sha256Base64Url(response.access_token),
        refresh_token_sha256: sha256Base64Url(response.refresh_token ?? ''),
        id_token_sha256: sha256Base64Url(response.id_token ?? ''),
      },
    });
    const written = JSON.stringify(audit.records);
    for (const secret of [response.refresh_token, response.id_token, response.access_token])
      expect(written).not.toContain(secret);
  });

  it.each(['ES256', 'PS256', 'RS256'] as const)(
    'signs the ID token with %s for a client registered for it, with a key from the key set',
    async (idTokenAlgorithm) => {
      const { server, give, codeFor, redeem, world } = start();
      world.changeClient('trading-desk', { idTokenAlgorithm });
      const { id_token: idToken } = await server.token(redeem(await codeFor(await give())));
      if (idToken === undefined) throw new Error('no ID token');
      const keySet = createLocalJWKSet((await server.keySet()) as unknown as JSONWebKeySet);
      const { payload, protectedHeader } = await jwtVerify(idToken, keySet, {
        issuer,
        audience: 'trading-desk',
        algorithms: [idTokenAlgorithm],
        currentDate: new Date(0),
      });
      expect(protectedHeader.alg).toBe(idTokenAlgorithm);
      expect(payload).toMatchObject({ sub: 'person:anna.keller', at_hash: expect.any(String) });
    },
  );

  it('accepts a code without PKCE from a client registered so, and refuses a code_verifier with it', async () => {
    const { server, give, codes, redeem, world } = start();
    const grant = await give();
    const codeWithout = () =>
      codes.issue({
        grant: grant.id,
        client: grant.client,
        redirectUri: deskRedirect,
        nonce: 'n-0S6_WzA2Mj',
        scopes: grant.scopes,
        acr: grant.acr,
        amr: grant.amr,
        authTime: grant.authTime,
        resource: venueOrders,
      });
    const plain = { code_verifier: undefined };
    // The client is now registered with PKCE, so a flow that started without it cannot finish.
    expect(await refusalOf(server.token(redeem(await codeWithout(), plain)))).toMatchObject({
      reason: 'code_verifier',
    });
    world.changeClient('trading-desk', { requirePkce: false });
    // RFC 9700 section 4.8.2: a verifier without a challenge shows that an attacker removed the challenge.
    const code = await codeWithout();
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_verifier',
    });
    expect(await refusalOf(server.token(redeem(code, plain)))).toEqual({ code: 'released' });
  });

  it('requires the code_verifier if the request had a challenge, even from a client exempt from PKCE', async () => {
    const { server, give, codeFor, redeem, world } = start();
    world.changeClient('trading-desk', { requirePkce: false });
    const code = await codeFor(await give());
    expect(await refusalOf(server.token(redeem(code, { code_verifier: undefined })))).toMatchObject({
      reason: 'code_verifier',
    });
    expect(await refusalOf(server.token(redeem(code)))).toEqual({ code: 'released' });
  });

  it('issues nothing after the person has signed out if the client would sign them in, and keeps the code', async () => {
    let standing = true;
    const asked: string[] = [];
    const { server, give, codeFor, redeem } = start({
      authentication: {
        async session(session) {
          asked.push(session);
          return standing ? standingSession(session) : undefined;
        },
      },
    });
    const grant = await give();
    const code = await codeFor(grant);
    standing = false;
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_session_ended',
    });
    expect(asked).toEqual([grant.session]);
    const silent = await give({ scopes: ['order:read'] });
    expect(await refusalOf(server.token(redeem(await codeFor(silent))))).toMatchObject({ code: 'released' });
    standing = true;
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({ code: 'released' });
  });

  it('issues no refresh token without offline_access or to a client that may not refresh, and no ID token without openid', async () => {
    const { server, give, codeFor, redeem, world } = start();
    const plain = await server.token(redeem(await codeFor(await give({ scopes: ['order:read'] }))));
    expect(plain).not.toHaveProperty('refresh_token');
    expect(plain).not.toHaveProperty('id_token');
    const narrowed = await server.token(redeem(await codeFor(await give()), { scope: 'order:read' }));
    expect(narrowed).not.toHaveProperty('refresh_token');
    expect(narrowed).not.toHaveProperty('id_token');
    world.changeClient('trading-desk', { grantTypes: ['authorization_code'] });
    expect(await server.token(redeem(await codeFor(await give())))).not.toHaveProperty('refresh_token');
  });

  it('issues a token for userinfo with only the protocol’s scopes if nothing else was consented to', async () => {
    const { server, give, codeFor, redeem } = start();
    const grant = await give({ scopes: ['openid'], resources: [] });
    const response = await server.token(redeem(await codeFor(grant)));
    expect(claimsOf(response)).toMatchObject({ aud: ourUserinfo, scope: 'openid' });
    const chosen = await server.token(redeem(await codeFor(await give()), { resource: ourUserinfo, scope: 'openid' }));
    expect(claimsOf(chosen)).toMatchObject({ aud: ourUserinfo, scope: 'openid' });
    const refused = redeem(await codeFor(await give()), { resource: ourUserinfo, scope: 'openid order:read' });
    expect(await refusalOf(server.token(refused))).toMatchObject({
      code: 'invalid_scope',
      reason: 'scope_not_offered',
    });
  });

  it('checks mandate and policies for the intent that was consented to', async () => {
    const { server, give, codeFor, redeem, order, consentStore, policyEngine } = start();
    const grant = await give({ details: detailsOf(order()) });
    const response = await server.token(redeem(await codeFor(grant)));
    expect(response.authorization_details).toEqual(detailsOf(order()));
    expect(claimsOf(response)).toMatchObject({ txn: response.txn, mandate: { id: consentStore.mandate.id } });
    policyEngine.denyWith({ code: 'four_eyes', detail: 'Not alone.' });
    expect(await refusalOf(server.token(redeem(await codeFor(grant))))).toMatchObject({
      code: 'access_denied',
      reason: 'four_eyes',
    });
  });

  it.each([
    ['made for this intent', 'this', true],
    ['made for another one', 'another', false],
    ['made for nothing in particular', 'none', false],
    ['that somebody else vouches for', 'foreign', undefined],
  ])('passes a sign-in %s to the policies', async (_what, kind, bound) => {
    const { server, give, codeFor, redeem, order, policyEngine, audit } = start();
    const grant = await give({ details: detailsOf(order()) });
    const [detail] = grant.details;
    if (detail === undefined) throw new Error('a consent without an intent');
    const intents = {
      this: [digestOfIntent(detail)],
      another: [digestOf({ another: 1 })],
      none: [],
      foreign: undefined,
    };
    const boundTo = Object.entries(intents).find(([name]) => name === kind)?.[1];
    const code = await codeFor(grant, { device: 'device:desk-7', ...(boundTo === undefined ? {} : { boundTo }) });
    await server.token(redeem(code));
    const { context } = policyEngine.asked.at(-1) ?? {};
    expect(context?.boundToIntent).toBe(bound);
    expect(context?.device).toBe('device:desk-7');
    // The steps of the transaction request it again.
    expect(audit.records.findLast(({ type }) => type === 'token.issued')).toMatchObject({ device: 'device:desk-7' });
  });

  it('issues a token for one of several intents, which the request must name and may narrow', async () => {
    const { server, give, codeFor, redeem, order } = start();
    const second = { idempotency_key: 'order-0002', client_order_id: 'C-2' };
    const grant = await give({ details: [...detailsOf(order()), ...detailsOf(order(second))] });
    expect(await refusalOf(server.token(redeem(await codeFor(grant))))).toMatchObject({
      code: 'invalid_authorization_details',
      reason: 'details_ambiguous',
    });
    const named = { authorization_details: order({ ...second, max_qty: '50' }) };
    expect((await server.token(redeem(await codeFor(grant), named))).authorization_details).toEqual(
      detailsOf(named.authorization_details),
    );
    const wider = { authorization_details: order({ ...second, max_qty: '101' }) };
    expect(await refusalOf(server.token(redeem(await codeFor(grant), wider)))).toMatchObject({
      code: 'invalid_authorization_details',
      reason: 'details_wider',
    });
  });

  it('omits an intent for another interface from a token for this one', async () => {
    const { server, give, codeFor, redeem, order } = start();
    const grant = await give({ details: detailsOf(order()), resources: [venueOrders, brokerBook] });
    const response = await server.token(redeem(await codeFor(grant), { resource: brokerBook, scope: 'order:read' }));
    expect(response.authorization_details).toBeUndefined();
    expect(claimsOf(response)).toMatchObject({ aud: brokerBook });
  });

  it.each([
    ['an interface that was not consented to', { resource: brokerBook }, 'invalid_target', 'target_not_granted'],
    ['an interface of others', { resource: clearingTrades }, 'invalid_target', 'target_not_allowed'],
    ['a scope that was not consented to', { scope: 'report:read' }, 'invalid_scope', 'scope_wider'],
    [
      'a protocol scope that was not consented to',
      { scope: 'openid grant_management_query' },
      'invalid_scope',
      'scope_wider',
    ],
    ['an invalid scope', { scope: 'openid order:destroy' }, 'invalid_scope', 'scope_unknown'],
    ['another redirect URI', { redirect_uri: `${deskRedirect}/` }, 'invalid_grant', 'code_redirect_uri'],
    ['no redirect URI', { redirect_uri: undefined }, 'invalid_request', 'parameter_missing'],
    ['another verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant', 'code_verifier'],
    ['an invalid verifier', { code_verifier: 'short' }, 'invalid_grant', 'code_verifier'],
    ['no verifier', { code_verifier: undefined }, 'invalid_grant', 'code_verifier'],
    ['no code', { code: undefined }, 'invalid_request', 'parameter_missing'],
    ['an invalid code', { code: 'x'.repeat(43) }, 'invalid_grant', 'code_unknown'],
    ['a code of a megabyte', { code: 'x'.repeat(60_000) }, 'invalid_grant', 'code_unknown'],
  ])('refuses %s', async (_, change, code, reason) => {
    const { server, give, codeFor, redeem, audit } = start();
    const answer = server.token(redeem(await codeFor(await give()), change));
    expect(await refusalOf(answer)).toMatchObject({ code, reason });
    expect(audit.last()).toMatchObject({ type: 'token.refused', client: 'trading-desk', reason });
  });

  it('refuses a code from another client or with another key, and lets the right client redeem it afterwards', async () => {
    const { server, give, codeFor, redeem, world } = start();
    const code = await codeFor(await give());
    world.changeClient('order-desk', { grantTypes: ['authorization_code'] });
    expect(await refusalOf(server.token(redeem(code, {}, 'order-desk')))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_client',
    });
    expect(await refusalOf(server.token(redeem(code, {}, 'trading-desk', { key: makeKey() })))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_key',
    });
    expect(await refusalOf(server.token(redeem(code)))).toEqual({ code: 'released' });
  });

  it('refuses a code after a minute', async () => {
    const { server, give, codeFor, redeem, clock } = start();
    const code = await codeFor(await give());
    clock.advance(60_000);
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({ reason: 'code_unknown' });
  });

  it('refuses a code presented twice and revokes everything issued for it', async () => {
    const { server, give, codeFor, redeem, refresh, audit, revocations, resourceRequest, consentStore } = start();
    const grant = await give();
    const code = await codeFor(grant);
    const first = await server.token(redeem(code));
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'code_replayed',
    });
    expect(audit.last()).toMatchObject({ type: 'token.refused', client: 'trading-desk', reason: 'code_replayed' });
    expect(revocations.ended).toEqual([{ kind: 'grant', id: grant.id }]);
    expect((await consentStore.grants.find(grant.id))?.status).toBe('revoked');
    expect(await refusalOf(server.token(refresh(first.refresh_token)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'grant_ended',
    });
    const request = resourceRequest(first.access_token, 'trading-desk', venueOrders);
    const check = server.guard(venueOrders).check(request, { scope: 'order:read' });
    expect(await refusalOf(check)).toMatchObject({ code: 'token_revoked' });
  });

  it('lets one of a hundred requests on two nodes redeem a code, and revokes its tokens because of the replays', async () => {
    const one = start();
    const grant = await one.give();
    const code = await one.codeFor(grant);
    const other = start({ clock: one.clock });
    // The second node knows the same clients and the same consents.
    other.world.changeClient('trading-desk', {
      keys: one.world.directory.snapshot().client('trading-desk')?.keys ?? [],
    });
    Object.assign(other.consentStore.grants, one.consentStore.grants);
    const twoNodes = Array.from({ length: 100 }, (_, index) => ({ node: index % 2 === 0 ? one : other, index }));
    const answers = await Promise.all(
      twoNodes.map(async ({ node }) => {
        try {
          return { code: 'released' as const, node, response: await node.server.token(one.redeem(code)) };
        } catch (error) {
          return { ...(await refusalOf(Promise.reject(error))), node, response: undefined };
        }
      }),
    );
    const redeemed = answers.filter(({ code: outcome }) => outcome === 'released');
    expect(redeemed).toHaveLength(1);
    expect(answers.every(({ code: outcome, response }) => outcome === 'invalid_grant' || response !== undefined)).toBe(
      true,
    );
    expect((await one.consentStore.grants.find(grant.id))?.status).toBe('revoked');
    const [winner] = redeemed;
    if (winner?.response === undefined) throw new Error('nobody got a token');
    const request = one.resourceRequest(winner.response.access_token, 'trading-desk', venueOrders);
    const check = winner.node.server.guard(venueOrders).check(request, { scope: 'order:read' });
    expect(await refusalOf(check)).toMatchObject({ code: 'token_revoked' });
  });

  it('refuses after the consent was revoked or has expired, or the person has left or changed institution', async () => {
    const { server, give, codeFor, redeem, clock, consentStore, world } = start();
    const withdrawn = await give();
    const code = await codeFor(withdrawn);
    await consentStore.grants.revoke(withdrawn.id, { id: 'person:anna.keller' }, 'no longer');
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({ code: 'invalid_grant', reason: 'grant_ended' });
    const ending = await give({ expiresAt: new Date(clock.now() + 10_000).toISOString() });
    const late = await codeFor(ending);
    clock.advance(10_000);
    expect(await refusalOf(server.token(redeem(late)))).toMatchObject({ reason: 'grant_ended' });
    const elsewhere = await codeFor(await give({ institution: clearing }));
    expect(await refusalOf(server.token(redeem(elsewhere)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'grant_person_unknown',
    });
    const last = await codeFor(await give());
    world.remove('principal', 'person:anna.keller');
    expect(await refusalOf(server.token(redeem(last)))).toMatchObject({ reason: 'grant_person_unknown' });
  });

  it('does not carry the authority of another institution’s people', async () => {
    const { server, give, codeFor, redeem } = start();
    const carl = parsePrincipalId('person:carl.otto');
    if (carl === undefined) throw new Error('a fixture that its own parser refuses');
    const code = await codeFor(await give({ subject: carl, institution: clearing }));
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'grant_institution',
    });
  });

  it('issues no token that outlives the consent', async () => {
    const { server, give, codeFor, redeem, clock, seconds } = start();
    const grant = await give({ expiresAt: new Date(clock.now() + 20_000).toISOString() });
    const response = await server.token(redeem(await codeFor(grant)));
    expect(claimsOf(response)['exp']).toBe(seconds() + 20);
  });

  it('releases nothing while the log cannot be written', async () => {
    const { server, give, codeFor, redeem, audit } = start();
    const code = await codeFor(await give());
    audit.breakDown();
    expect(await refusalOf(server.token(redeem(code)))).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'log_unavailable',
    });
  });

  it('returns the grant id to clients that manage their grants', async () => {
    const { server, give, codeFor, redeem } = start({ config: { grantManagement: 'draft-03' } });
    const grant = await give();
    expect((await server.token(redeem(await codeFor(grant)))).grant_id).toBe(grant.id);
  });
});

describe('a client of the profile oidc', () => {
  function dashboard() {
    const started = start();
    const client = parseClientId('dashboard');
    if (client === undefined) throw new Error('a fixture that its own parser refuses');
    return {
      ...started,
      giveDashboard: (change: object = {}) =>
        started.give({ client, scopes: ['openid', 'offline_access'], resources: [], ...change }),
      redeemAs: async (grant: Parameters<typeof started.codeFor>[0], change: Readonly<Record<string, string>> = {}) =>
        started.redeem(
          await started.codeFor(grant, { redirectUri: dashboardRedirect }),
          { redirect_uri: dashboardRedirect, ...change },
          'dashboard',
        ),
    };
  }

  it('signs in people of any institution and gets a bearer token for userinfo', async () => {
    const { server, giveDashboard, redeemAs } = dashboard();
    const response = await server.token(await redeemAs(await giveDashboard()));
    expect(response).toMatchObject({ token_type: 'Bearer', id_token: expect.any(String) });
    const claims = claimsOf(response);
    expect(claims).toMatchObject({ aud: ourUserinfo, sub: 'person:anna.keller' });
    expect(claims).not.toHaveProperty('cnf');
  });

  it('may use the token endpoint as the audience of its assertion, as a single string, which no other client may', async () => {
    const { server, giveDashboard, redeemAs, assertion, clientCredentials } = dashboard();
    const grant = await giveDashboard();
    const old = { client_assertion: assertion('dashboard', { aud: `${issuer}/token` }) };
    expect(await refusalOf(server.token(await redeemAs(grant, old)))).toEqual({ code: 'released' });
    const array = { client_assertion: assertion('dashboard', { aud: [`${issuer}/token`] }) };
    expect(await refusalOf(server.token(await redeemAs(grant, array)))).toMatchObject({
      code: 'invalid_client',
      reason: 'client_assertion_audience',
    });
    const fapi = { client_assertion: assertion('vwap-engine', { aud: `${issuer}/token` }) };
    expect(await refusalOf(server.token(clientCredentials(fapi)))).toMatchObject({
      reason: 'client_assertion_audience',
    });
  });

  it('gets nothing for a market interface, whatever is registered or consented to', async () => {
    const { server, giveDashboard, redeemAs, world, requestFor } = dashboard();
    world.changeClient('dashboard', {
      scopes: ['openid', 'order:read'],
      audiences: world.directory.snapshot().client('trading-desk')?.audiences ?? [],
      grantTypes: ['authorization_code', 'client_credentials'],
    });
    const grant = await giveDashboard({ scopes: ['openid', 'order:read'], resources: [venueOrders] });
    for (const change of [{}, { resource: venueOrders }, { resource: venueOrders, scope: 'order:read' }])
      expect(await refusalOf(server.token(await redeemAs(grant, change)))).toMatchObject({
        code: 'invalid_target',
        reason: 'target_profile',
      });
    expect(
      await refusalOf(server.token(await redeemAs(grant, { scope: 'openid order:read', resource: ourUserinfo }))),
    ).toMatchObject({ code: 'invalid_scope', reason: 'scope_not_offered' });
    const machine = requestFor('dashboard', {
      grant_type: 'client_credentials',
      scope: 'order:read',
      resource: venueOrders,
    });
    expect(await refusalOf(server.token(machine))).toMatchObject({ reason: 'target_profile' });
  });

  it('is refused with a proof, which would have no effect', async () => {
    const { server, giveDashboard, codeFor, redeem, proof } = dashboard();
    const code = await codeFor(await giveDashboard(), { redirectUri: dashboardRedirect });
    const request = redeem(code, { redirect_uri: dashboardRedirect }, 'dashboard', { proofs: [proof(makeKey())] });
    expect(await refusalOf(server.token(request))).toMatchObject({
      code: 'invalid_dpop_proof',
      reason: 'proof_unexpected',
    });
  });
});
