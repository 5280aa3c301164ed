import { sha256Base64Url } from '@countersign/kernel';
import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { claimsOf, createHarness, issuer, refusalOf, start } from '../testing/harness.ts';
import { broker, clearing, fund, venueOrders } from '../testing/trading-world.ts';

describe('a client-credentials token', () => {
  it('is verified by an independent library with the published key set', async () => {
    const { server, clientCredentials } = createHarness();
    const response = await server.token(clientCredentials());
    const { keys } = await server.keySet();
    const [key] = keys;
    if (key === undefined) throw new Error('no keys');
    const { payload, protectedHeader } = await jwtVerify(response.access_token, key, {
      issuer,
      audience: venueOrders,
      typ: 'at+jwt',
      algorithms: ['ES256'],
      currentDate: new Date(start),
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: key['kid'] });
    expect(payload).toMatchObject({
      sub: 'agent:vwap-1',
      client_id: 'vwap-engine',
      lei: broker,
      scope: 'order:cancel order:read',
    });
  });

  it('is bound to the key of the proof, for one audience, for five minutes, and refers to its evidence', async () => {
    const { server, clientCredentials, dpopKeyOf, audit, seconds } = createHarness();
    const response = await server.token(clientCredentials());
    expect(response).toMatchObject({ token_type: 'DPoP', expires_in: 300, scope: 'order:cancel order:read' });
    expect(response).not.toHaveProperty('issued_token_type');
    expect(claimsOf(response)).toEqual({
      iss: issuer,
      sub: 'agent:vwap-1',
      aud: venueOrders,
      client_id: 'vwap-engine',
      iat: seconds(),
      exp: seconds() + 300,
      jti: expect.stringMatching(/^tok_/),
      scope: 'order:cancel order:read',
      cnf: { jkt: dpopKeyOf('vwap-engine').kid },
      lei: broker,
      policy_version: 7,
      evidence: audit.last().id,
    });
  });

  it('is recorded with all its claims and its hash, but not in clear', async () => {
    const { server, clientCredentials, audit, policyEngine } = createHarness();
    const response = await server.token(clientCredentials());
    expect(audit.records).toHaveLength(1);
    expect(audit.last()).toMatchObject({
      type: 'token.issued',
      source: 'authorization-server',
      outcome: 'permit',
      subject: { id: 'agent:vwap-1', institution: broker },
      actors: [],
      client: 'vwap-engine',
      audience: [venueOrders],
      scope: ['order:cancel', 'order:read'],
      address: '192.0.2.7',
      policy: { version: 7 },
      references: [policyEngine.policyRecord],
      authentication: { method: 'private_key_jwt' },
      data: {
        grant_type: 'client_credentials',
        claims: claimsOf(response),
        token_sha256: sha256Base64Url(response.access_token),
        decision: { decision: true, determining: ['token-for-a-trade'] },
      },
    });
    const [, , signature = ''] = response.access_token.split('.');
    expect(JSON.stringify(audit.records)).not.toContain(signature);
  });

  it('asks the policies about the interface, the principal and the requested claims', async () => {
    const { server, clientCredentials, policyEngine } = createHarness();
    await server.token(clientCredentials());
    expect(policyEngine.asked).toEqual([
      {
        principal: 'agent:vwap-1',
        action: 'token:issue',
        resource: { type: 'resource', uri: venueOrders },
        context: {
          client: 'vwap-engine',
          institution: broker,
          at: start,
          scopes: ['order:cancel', 'order:read'],
          audience: venueOrders,
          mandateInForce: false,
        },
      },
    ]);
  });

  it('is refused if the policies deny it, with their reason, and the refusal is recorded', async () => {
    const { server, clientCredentials, policyEngine, audit } = createHarness();
    policyEngine.denyWith({ code: 'out_of_hours', detail: 'Not at this hour.' });
    expect(await refusalOf(server.token(clientCredentials()))).toMatchObject({
      code: 'access_denied',
      reason: 'out_of_hours',
    });
    expect(audit.last()).toMatchObject({
      type: 'token.refused',
      outcome: 'deny',
      reason: 'out_of_hours',
      policy: { version: 7 },
      // The record of a refusal also contains everything that a replay needs.
      data: {
        decision: {
          decision: false,
          policy_version: 7,
          reasons: [{ code: 'out_of_hours', detail: 'Not at this hour.' }],
          input: { principal: 'agent:vwap-1', action: 'token:issue' },
        },
      },
    });
  });

  it('lives no longer than the permitting policies allow', async () => {
    const { server, clientCredentials, policyEngine } = createHarness();
    policyEngine.limitLifeTo(45);
    const response = await server.token(clientCredentials());
    expect(response.expires_in).toBe(45);
    expect(claimsOf(response)['exp']).toBe(Number(claimsOf(response)['iat']) + 45);
    policyEngine.limitLifeTo(3600);
    expect((await server.token(clientCredentials())).expires_in).toBeLessThanOrEqual(300);
  });

  it('is signed with the new key once a rotation has taken effect, and the old key still verifies', async () => {
    const { server, clientCredentials, signer, exchange } = createHarness();
    const before = await server.token(clientCredentials({ scope: 'trade:read' }));
    const successor = await signer.rotate('access-token');
    const kidOf = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid as string;
    expect(kidOf((await server.token(clientCredentials())).access_token)).not.toBe(successor.kid);
    expect((await server.keySet()).keys.map(({ kid }) => kid)).toContain(successor.kid);
    signer.activate();
    expect(kidOf((await server.token(clientCredentials())).access_token)).toBe(successor.kid);
    expect(await refusalOf(server.token(exchange(before.access_token)))).toEqual({ code: 'released' });
  });
});

describe('a token for an intent', () => {
  it('carries the intent, its digest, its mandate and its transaction', async () => {
    const { server, clientCredentials, order, consentStore, audit, policyEngine } = createHarness();
    const response = await server.token(clientCredentials({ authorization_details: order() }));
    const claims = claimsOf(response);
    expect(claims).toMatchObject({
      txn: expect.stringMatching(/^txn_/),
      intent_digest: expect.stringMatching(/^[\w-]{43}$/),
      mandate: { id: consentStore.mandate.id, version: 2 },
      authorization_details: JSON.parse(order()),
    });
    expect(response).toMatchObject({ txn: claims['txn'], authorization_details: JSON.parse(order()) });
    expect(audit.last()).toMatchObject({
      transaction: claims['txn'],
      intent: claims['intent_digest'],
      mandate: { id: consentStore.mandate.id, version: 2 },
    });
    expect(audit.last().references).toEqual([
      policyEngine.policyRecord,
      consentStore.mandate.recordId,
      expect.stringMatching(/^rec_/),
    ]);
  });

  it('asks the policies about the transaction with the algorithm that the intent names', async () => {
    const { server, clientCredentials, order, policyEngine } = createHarness();
    const { txn } = await server.token(clientCredentials({ authorization_details: order() }));
    expect(policyEngine.asked[0]).toMatchObject({
      resource: { type: 'transaction', facts: { id: txn, initiator: 'agent:vwap-1', initiatorInstitution: broker } },
      context: { mandateInForce: true, algo: { modelId: 'vwap', version: '3.1', artifactSha256: 'ab'.repeat(32) } },
    });
  });

  it('has the same transaction for the same intent, and conflicts for a different one', async () => {
    const { server, clientCredentials, order } = createHarness();
    const first = await server.token(clientCredentials({ authorization_details: order() }));
    const again = await server.token(clientCredentials({ authorization_details: order({ locations: [venueOrders] }) }));
    expect(again.txn).toBe(first.txn);
    const another = server.token(clientCredentials({ authorization_details: order({ max_qty: '99' }) }));
    expect(await refusalOf(another)).toMatchObject({
      code: 'invalid_authorization_details',
      reason: 'idempotency_conflict',
    });
  });

  it.each([
    ['another venue', { venue_mic: 'XPAR' }, 'mandate_venue'],
    ['a larger notional', { max_notional: { amount: '100001', ccy: 'EUR' } }, 'mandate_notional'],
    ['another jurisdiction', { jurisdiction: 'FR' }, 'mandate_jurisdiction'],
    ['another mandate', { mandate_id: `mnd_${'0'.repeat(26)}` }, 'mandate_not_found'],
    ['an entity without a mandate', { entity_lei: '529900T8BM49AURSDO55' }, 'entity_not_represented'],
  ])('is refused for %s than the mandate allows', async (_, change, reason) => {
    const { server, clientCredentials, order, audit } = createHarness();
    const answer = server.token(clientCredentials({ authorization_details: order(change) }));
    expect(await refusalOf(answer)).toMatchObject({ code: 'access_denied', reason });
    expect(audit.last()).toMatchObject({
      type: 'token.refused',
      reason,
      subject: { id: 'agent:vwap-1' },
      audience: [venueOrders],
    });
  });

  it('is refused for the account of an institution that granted nothing, and issued for one’s own or the grantor’s', async () => {
    const { server, clientCredentials, order, world, audit } = createHarness();
    const asked = () => refusalOf(server.token(clientCredentials({ authorization_details: order() })));
    const [{ account }] = JSON.parse(order()) as [{ readonly account: string }];
    for (const owner of [broker, fund]) {
      world.addAccount(account, owner);
      expect((await asked()).code).toBe('released');
    }
    world.addAccount(account, clearing);
    expect(await asked()).toMatchObject({ code: 'access_denied', reason: 'account_not_represented' });
    expect(audit.last()).toMatchObject({ type: 'token.refused', reason: 'account_not_represented' });
  });

  it.each([
    ['suspended', 'mandate_suspended'],
    ['revoked', 'mandate_revoked'],
  ] as const)('is refused when the mandate is %s', async (status, reason) => {
    const { server, clientCredentials, order, consentStore } = createHarness();
    consentStore.change({ status });
    expect(await refusalOf(server.token(clientCredentials({ authorization_details: order() })))).toMatchObject({
      reason,
    });
  });

  it('is refused to an institution that is not the mandate’s grantee', async () => {
    const { server, requestFor, order } = createHarness();
    const parameters = {
      grant_type: 'client_credentials',
      scope: 'order:create',
      resource: venueOrders,
      authorization_details: order(),
    };
    expect(
      await refusalOf(server.token(requestFor('clearing-core', { ...parameters, scope: 'settlement:instruct' }))),
    ).toMatchObject({
      reason: 'mandate_grantee',
    });
  });

  it.each([
    ['the intent', { not_after: new Date(start + 90_500).toISOString() }, {}, 90],
    ['the mandate', {}, { effectiveUntil: new Date(start + 45_000).toISOString() }, 45],
  ])('ends with %s', async (_, detail, mandate, expected) => {
    const { server, clientCredentials, order, consentStore } = createHarness();
    consentStore.change(mandate);
    const response = await server.token(clientCredentials({ authorization_details: order(detail) }));
    expect(response.expires_in).toBe(expected);
  });

  it('is refused if less than a second of lifetime would remain', async () => {
    const { server, clientCredentials, order } = createHarness();
    const answer = server.token(
      clientCredentials({ authorization_details: order({ not_after: new Date(start + 900).toISOString() }) }),
    );
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_grant', reason: 'authority_expired' });
  });

  const second = (text: string) =>
    JSON.stringify([...JSON.parse(text), ...JSON.parse(text.replaceAll('order-0001', 'order-0002'))]);
  it.each([
    ['not JSON', () => '[{', 'details_malformed'],
    ['an object', (text: string) => text.slice(1, -1), 'details_malformed'],
    ['an empty list', () => '[]', 'details_malformed'],
    ['two intents', second, 'details_malformed'],
    [
      'a doubled key',
      (text: string) => text.replace('"side":"BUY"', '"side":"BUY","side":"SELL"'),
      'details_malformed',
    ],
    ['an unknown field', (text: string) => text.replace('"side"', '"colour":"red","side"'), 'details_malformed'],
    ['an unknown type', (text: string) => text.replace('trade_order', 'anything'), 'details_malformed'],
    ['a sum that is a number', (text: string) => text.replace('"15000"', '15000'), 'details_malformed'],
    ['a deadline that has passed', (text: string) => text.replace('2026-11-23T17', '2026-11-23T09'), 'details_expired'],
    [
      'other locations than the target',
      (text: string) => text.replace(venueOrders, 'https://elsewhere.example'),
      'details_location',
    ],
  ])('is refused when its details are or have %s', async (_, change, reason) => {
    const { server, clientCredentials, order } = createHarness();
    const answer = server.token(clientCredentials({ authorization_details: change(order()) }));
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_authorization_details', reason });
  });

  it('is issued for an intent type that the mandate covers, with scopes that follow from the type', async () => {
    const { server, clientCredentials, consentStore } = createHarness();
    const report = intentOf(consentStore.mandate.id, {
      type: 'urn:countersign:rar:v1:regulatory_report',
      actions: ['submit'],
      regime: 'EMIR',
      uti: `${broker}TRADE1`,
      action: 'NEWT',
      tr_lei: broker,
    });
    expect(await refusalOf(server.token(clientCredentials({ authorization_details: report })))).toMatchObject({
      code: 'access_denied',
      reason: 'mandate_action',
    });
  });

  it('is refused for an intent type that no mandate covers', async () => {
    const { server, clientCredentials, consentStore } = createHarness();
    const change = intentOf(consentStore.mandate.id, {
      type: 'urn:countersign:rar:v1:privileged_admin',
      actions: ['execute'],
      target: 'gateway-1',
      operation: 'restart',
      before_hash: 'A'.repeat(43),
      ticket: 'CHG-1',
    });
    expect(await refusalOf(server.token(clientCredentials({ authorization_details: change })))).toMatchObject({
      code: 'invalid_authorization_details',
      reason: 'details_unsupported',
    });
  });

  it('is refused for a type that the client is not registered for', async () => {
    const { server, clientCredentials, order, world } = createHarness();
    world.changeClient('vwap-engine', { detailTypes: ['urn:countersign:rar:v1:rfq'] });
    expect(await refusalOf(server.token(clientCredentials({ authorization_details: order() })))).toMatchObject({
      code: 'invalid_authorization_details',
      reason: 'details_not_allowed',
    });
  });
});

/** The fields that every intent has, and those of one type. */
function intentOf(mandate: string, fields: object): string {
  return JSON.stringify([
    {
      locations: [venueOrders],
      entity_lei: fund,
      mandate_id: mandate,
      idempotency_key: 'intent-0001',
      not_after: '2026-11-23T17:00:00Z',
      jurisdiction: 'DE',
      ...fields,
    },
  ]);
}
