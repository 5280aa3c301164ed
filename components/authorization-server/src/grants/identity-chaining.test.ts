import { jwtAuthorizationGrantTokenType } from '@countersign/oauth';
import { createTestAuthority, makeKey } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { claimsOf, createHarness, type Harness, issuer, refusalOf } from '../testing/harness.ts';
import { broker, clearingTrades, venue, venueOrders } from '../testing/trading-world.ts';

const otherServer = 'https://as.other.example';
const config = {
  identityChaining: 'draft-17',
  chainedIssuers: [
    { issuer: otherServer, institutions: [broker, venue] },
    { issuer: 'https://as.third.example', institutions: [venue] },
  ],
} as const;

type Change = Readonly<Record<string, string | undefined>>;

const form: Change = {
  requested_token_type: jwtAuthorizationGrantTokenType,
  resource: undefined,
  audience: otherServer,
  scope: 'trade:read',
};

async function tokenAtVenue({ server, clientCredentials, order }: Harness) {
  return server.token(clientCredentials({ scope: 'order:create trade:read', authorization_details: order() }));
}

describe('an identity-chaining grant for another authorization server', () => {
  it('holds the claims that server needs, keeps the actors, and is bound to the client’s key', async () => {
    const harness = createHarness({ config });
    const { server, exchange, seconds, order, dpopKeyOf, audit } = harness;
    const first = await tokenAtVenue(harness);
    const grant = claimsOf(await server.token(exchange(first.access_token, form)));
    expect(grant).toEqual({
      iss: issuer,
      sub: 'agent:vwap-1',
      aud: otherServer,
      jti: expect.stringMatching(/^tok_/),
      iat: seconds(),
      exp: seconds() + 60,
      scope: 'trade:read',
      authorization_details: JSON.parse(order()),
      act: { sub: 'service:venue' },
      cnf: { jkt: dpopKeyOf('venue-gateway').kid },
    });
    expect(audit.last().data).toMatchObject({ claims: { jti: grant['jti'] } });
  });

  it('may also be requested by resource', async () => {
    const harness = createHarness({ config });
    const first = await tokenAtVenue(harness);
    const answer = await harness.server.token(
      harness.exchange(first.access_token, { ...form, audience: undefined, resource: otherServer }),
    );
    expect(claimsOf(answer)['aud']).toBe(otherServer);
  });

  it('keeps the earlier actors, the scopes if none are named, and how the person signed in', async () => {
    const harness = createHarness({ config });
    const { server, exchange, mint, seconds } = harness;
    const before = claimsOf(await tokenAtVenue(harness));
    const subject = mint({ ...before, acr: 'phr', auth_time: seconds() - 9, act: { sub: 'service:oms' } });
    expect(claimsOf(await server.token(exchange(subject, { ...form, scope: undefined })))).toMatchObject({
      scope: 'trade:read',
      act: { sub: 'service:venue', act: { sub: 'service:oms' } },
      acr: 'phr',
      auth_time: seconds() - 9,
    });
  });

  it('is unbound if the client binds its tokens to certificates', async () => {
    const harness = createHarness({ config });
    const { server, requestFor, world } = harness;
    const first = await tokenAtVenue(harness);
    world.changeClient('venue-gateway', { binding: 'mtls' });
    const { der } = createTestAuthority({ name: 'CA' }).issue({ subject: 'CN=gateway' });
    const request = requestFor(
      'venue-gateway',
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: first.access_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        ...form,
      },
      { certificate: { der, chainVerified: true } },
    );
    expect(claimsOf(await server.token(request))).not.toHaveProperty('cnf');
  });

  it('is refused for another institution’s people, even if the client’s own people may be named to that server', async () => {
    const harness = createHarness({ config });
    const first = await tokenAtVenue(harness);
    const answer = harness.server.token(
      harness.exchange(first.access_token, { ...form, audience: 'https://as.third.example' }),
    );
    expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_target', reason: 'target_not_allowed' });
  });

  it('is not redeemed by its own issuer', async () => {
    const harness = createHarness({ config });
    const first = await tokenAtVenue(harness);
    const { access_token: grant } = await harness.server.token(harness.exchange(first.access_token, form));
    expect((await refusalOf(harness.server.token(harness.federated({ assertion: grant })))).code).toBe('invalid_grant');
  });

  it('is not an identity assertion grant, which is accepted but never issued', async () => {
    const harness = createHarness({ config });
    const first = await tokenAtVenue(harness);
    const answer = harness.server.token(
      harness.exchange(first.access_token, {
        ...form,
        requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
      }),
    );
    expect(await refusalOf(answer)).toMatchObject({ reason: 'parameter_unsupported' });
  });
});

describe('the metadata', () => {
  it('lists the supported hops and names no partner', () => {
    const metadata = createHarness({ config }).server.metadata();
    expect(metadata).toMatchObject({
      identity_chaining_requested_token_types_supported: [jwtAuthorizationGrantTokenType],
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
    });
    expect(JSON.stringify(metadata)).not.toContain('other.example');
  });

  it('lists no hops if no grants go anywhere', () => {
    const metadata = createHarness({ config: { identityChaining: 'draft-17' } }).server.metadata();
    expect(metadata).not.toHaveProperty('identity_chaining_requested_token_types_supported');
    expect(metadata).toHaveProperty('authorization_grant_profiles_supported');
  });
});

describe('an identity-chaining grant of another authorization server', () => {
  it('issues exactly what the grant holds if the request names nothing', async () => {
    const { server, federated, partnerAssertion } = createHarness({ config });
    const grant = { scope: 'order:read openid chat:read', resource: venueOrders };
    const asked = { scope: undefined, resource: undefined };
    const answer = await server.token(federated({ ...asked, assertion: partnerAssertion(grant) }));
    expect(claimsOf(answer)).toMatchObject({ aud: venueOrders, scope: 'order:read' });
    for (const [change, reason] of [
      [{ scope: 'order:create' }, 'scope_wider'],
      [{ scope: 'order:read order:create' }, 'scope_wider'],
      [{ resource: clearingTrades }, 'target_not_granted'],
    ] as const)
      expect(
        await refusalOf(server.token(federated({ ...asked, ...change, assertion: partnerAssertion(grant) }))),
      ).toMatchObject({ reason });
  });

  it('issues nothing if the grant holds nothing that exists here', async () => {
    const { server, federated, partnerAssertion } = createHarness({ config });
    const assertion = (): string => partnerAssertion({ scope: 'chat:read' });
    for (const scope of [undefined, 'order:read'])
      expect((await refusalOf(server.token(federated({ scope, assertion: assertion() })))).code).toBe('invalid_scope');
  });

  it('requires the request to name one of several interfaces', async () => {
    const { server, federated, partnerAssertion } = createHarness({ config });
    const grant = { scope: 'order:read', resource: [venueOrders, clearingTrades] };
    const ask = (resource: string | undefined) =>
      server.token(federated({ scope: undefined, resource, assertion: partnerAssertion(grant) }));
    expect(await refusalOf(ask(undefined))).toMatchObject({ reason: 'target_missing' });
    expect(claimsOf(await ask(venueOrders))['aud']).toBe(venueOrders);
  });

  it('limits the request to its intents', async () => {
    const { server, federated, partnerAssertion, order } = createHarness({ config });
    const held = order({ algo: undefined });
    const assertion = (): string =>
      partnerAssertion({ scope: 'order:create', authorization_details: JSON.parse(held) });
    expect(
      (await server.token(federated({ assertion: assertion(), scope: 'order:create' }))).authorization_details,
    ).toEqual(JSON.parse(held));
    const more = order({ algo: undefined, max_qty: '101' });
    expect(
      await refusalOf(server.token(federated({ assertion: assertion(), authorization_details: more }))),
    ).toMatchObject({ reason: 'details_wider' });
  });

  it('keeps the actors, with the client that carried it over listed once', async () => {
    const { server, federated, partnerAssertion, audit } = createHarness({ config });
    const acted = (act: object): string => partnerAssertion({ act });
    expect(
      claimsOf(await server.token(federated({ assertion: acted({ sub: 'service:trading-desk' }) })))['act'],
    ).toEqual({ sub: 'service:order-desk', act: { sub: 'service:trading-desk' } });
    expect(audit.last().actors?.map(({ id }) => id)).toEqual(['service:order-desk', 'service:trading-desk']);
    const carried = acted({ sub: 'service:order-desk', act: { sub: 'service:trading-desk' } });
    expect(claimsOf(await server.token(federated({ assertion: carried })))['act']).toEqual({
      sub: 'service:order-desk',
      act: { sub: 'service:trading-desk' },
    });
  });

  it.each([
    ['that go round in a circle', ['service:trading-desk', 'service:order-desk'], 'act_loop'],
    ['of whom one is the person', ['service:trading-desk', 'person:anna.keller'], 'act_loop'],
    ['without end', ['service:a', 'service:b', 'service:c', 'service:d'], 'act_too_deep'],
  ])('is refused with actors %s', async (_, actors, reason) => {
    const { server, federated, partnerAssertion } = createHarness({ config });
    const act = actors.reduceRight<object | undefined>(
      (inner, sub) => (inner ? { sub, act: inner } : { sub }),
      undefined,
    );
    expect(await refusalOf(server.token(federated({ assertion: partnerAssertion({ act }) })))).toMatchObject({
      reason,
    });
  });

  it('is refused without the key that it is bound to', async () => {
    const harness = createHarness({ config });
    const { server, federated, partnerAssertion, dpopKeyOf, audit } = harness;
    const bound = (jkt: string): string => partnerAssertion({ cnf: { jkt } });
    const { kid } = dpopKeyOf('order-desk');
    expect(await refusalOf(server.token(federated({ assertion: bound(makeKey().kid) })))).toMatchObject({
      code: 'invalid_grant',
      reason: 'assertion_key',
    });
    expect(audit.last()).toMatchObject({ type: 'token.refused', subject: { id: 'person:anna.keller' } });
    expect((await server.token(federated({ assertion: bound(kid) }))).token_type).toBe('DPoP');
  });

  it('is refused from a client that shows a certificate if it is bound to a key', async () => {
    const { server, requestFor, partnerAssertion, world, dpopKeyOf } = createHarness({ config });
    world.changeClient('order-desk', { binding: 'mtls' });
    const { der } = createTestAuthority({ name: 'CA' }).issue({ subject: 'CN=desk' });
    const request = requestFor(
      'order-desk',
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: partnerAssertion({ cnf: { jkt: dpopKeyOf('order-desk').kid } }),
        scope: 'order:create',
        resource: venueOrders,
      },
      { certificate: { der, chainVerified: true } },
    );
    expect(await refusalOf(server.token(request))).toMatchObject({ reason: 'assertion_key' });
  });

  it('is redeemed once', async () => {
    const { server, federated, partnerAssertion } = createHarness({ config });
    const assertion = partnerAssertion({ scope: 'order:cancel' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => refusalOf(server.token(federated({ assertion })))),
    );
    expect(answers.filter(({ code }) => code === 'released')).toHaveLength(1);
    expect(answers.filter(({ reason }) => reason === 'assertion_replayed')).toHaveLength(19);
  });
});
