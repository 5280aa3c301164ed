import { makeKey, signJws } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { claimsOf, createHarness, issuer, refusalOf } from '../testing/harness.ts';
import { broker, venueOrders } from '../testing/trading-world.ts';

describe('the JWT assertion grant', () => {
  it('makes the person the subject and the client the actor, and keeps how the person signed in', async () => {
    const { server, federated, audit, federationGateway, seconds } = createHarness();
    const response = await server.token(federated());
    expect(claimsOf(response)).toMatchObject({
      sub: 'person:anna.keller',
      act: { sub: 'service:order-desk' },
      client_id: 'order-desk',
      lei: broker,
      acr: 'phr',
      auth_time: seconds() - 30,
    });
    expect(audit.last()).toMatchObject({
      type: 'token.issued',
      subject: { id: 'person:anna.keller', institution: broker },
      actors: [{ id: 'service:order-desk', institution: broker }],
      authentication: { issuer: 'https://idp.example', method: 'jwt-bearer', acr: 'phr', amr: ['hwk', 'user'] },
      partner: broker,
      references: expect.arrayContaining([federationGateway.profileRecord]),
      data: {
        provenance: { profile: 'prf_1', profile_version: 1, thumbprint: expect.stringMatching(/^[\w-]{43}$/) },
      },
    });
  });

  it('passes the policies the sign-in of the person and counts the actor', async () => {
    const { server, federated, policyEngine } = createHarness();
    await server.token(federated());
    expect(policyEngine.asked[0]).toMatchObject({
      principal: 'person:anna.keller',
      context: { acr: 'phr', client: 'order-desk', authTime: expect.any(Number) },
    });
  });

  it('passes the policies the partner that vouches for the person, and the claims it sent', async () => {
    const { server, federated, policyEngine } = createHarness();
    await server.token(federated());
    expect(policyEngine.asked[0]?.context.partner).toEqual({
      institution: broker,
      claims: expect.arrayContaining(['acr', 'auth_time', 'iss', 'sub']),
    });
  });

  it('issues one token for an assertion, even if its single-use claim was lost', async () => {
    const { server, federated, partnerAssertion, audit } = createHarness({
      singleUse: { claim: async () => 'claimed' },
    });
    const once = partnerAssertion();
    await server.token(federated({ assertion: once }));
    expect(await refusalOf(server.token(federated({ assertion: once })))).toMatchObject({
      code: 'invalid_grant',
      reason: 'assertion_replayed',
    });
    expect(audit.records.filter(({ type }) => type === 'token.issued')).toHaveLength(1);
    expect(audit.last()).toMatchObject({ type: 'token.refused', reason: 'assertion_replayed' });
  });

  it('issues no token that outlives the assertion', async () => {
    const { server, federated, partnerAssertion, seconds } = createHarness();
    const response = await server.token(federated({ assertion: partnerAssertion({ exp: seconds() + 40 }) }));
    expect(response.expires_in).toBe(40);
  });

  it('does not let a client act for another institution’s people', async () => {
    const { server, federated, partnerAssertion, audit } = createHarness();
    const carl = federated({ assertion: partnerAssertion({ sub: 'carl' }) });
    expect(await refusalOf(server.token(carl))).toMatchObject({
      code: 'invalid_grant',
      reason: 'assertion_institution',
    });
    expect(await refusalOf(server.token(federated({}, 'clearing-core')))).toMatchObject({
      code: 'invalid_grant',
      reason: 'assertion_institution',
    });
    expect(audit.last()).toMatchObject({
      type: 'token.refused',
      subject: { id: 'person:anna.keller', institution: broker },
      client: 'clearing-core',
      reason: 'assertion_institution',
    });
  });

  it.each([
    ['another audience', { aud: `${issuer}/token` }, 'assertion_audience'],
    ['an unknown subject', { sub: 'mallory' }, 'assertion_subject_unknown'],
    ['an unknown issuer', { iss: 'https://evil.example' }, 'assertion_issuer_unknown'],
  ])('passes on the refusals of the federation gateway: %s', async (_, change, reason) => {
    const { server, federated, partnerAssertion } = createHarness();
    const answer = server.token(federated({ assertion: partnerAssertion(change) }));
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_grant', reason });
  });

  it('refuses a client assertion, a proof or an access token as an assertion', async () => {
    const { server, federated, assertion, proof, clientCredentials } = createHarness();
    const { access_token: token } = await server.token(clientCredentials());
    for (const wrong of [assertion('order-desk'), proof(makeKey()), token])
      expect((await refusalOf(server.token(federated({ assertion: wrong })))).code).toBe('invalid_grant');
  });

  it('refuses an assertion that the client signed itself', async () => {
    const { server, federated, world, seconds } = createHarness();
    const key = world.clientKey('order-desk');
    const forged = signJws(
      key,
      { alg: 'ES256', kid: key.kid },
      {
        iss: 'https://idp.example',
        sub: 'anna',
        aud: issuer,
        jti: 'x',
        exp: seconds() + 60,
        acr: 'phr',
        auth_time: seconds(),
      },
    );
    expect(await refusalOf(server.token(federated({ assertion: forged })))).toMatchObject({
      code: 'invalid_grant',
      reason: 'assertion_signature',
    });
  });

  it('requires an assertion', async () => {
    const { server, federated } = createHarness();
    expect(await refusalOf(server.token(federated({ assertion: undefined })))).toMatchObject({
      code: 'invalid_request',
      reason: 'parameter_missing',
    });
  });

  it('opens a transaction started by the person', async () => {
    const { server, federated, order, policyEngine } = createHarness();
    const detail = order({ algo: undefined });
    const { txn } = await server.token(federated({ authorization_details: detail, resource: venueOrders }));
    expect(policyEngine.asked[0]?.resource).toMatchObject({
      type: 'transaction',
      facts: { id: txn, initiator: 'person:anna.keller' },
    });
  });
});
