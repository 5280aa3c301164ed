import { CodedError, sha256Base64Url } from '@countersign/kernel';
import { createTestAuthority } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { claimsOf, createHarness, refusalOf } from './testing/harness.ts';
import { broker, ourDecisions, venueOrders } from './testing/trading-world.ts';

const url = `${ourDecisions}/evaluation`;
const need = { scope: 'decision:evaluate' };

/** The ways in which a token can end while it is in use. */
type Ending = Pick<Awaited<ReturnType<typeof withToken>>, 'clock' | 'world' | 'signer'> & { revoke(): unknown };

async function withToken() {
  const harness = createHarness();
  const response = await harness.server.token(
    harness.clientCredentials({ scope: 'decision:evaluate', resource: ourDecisions }),
  );
  return { ...harness, response, token: response.access_token, guard: harness.server.guard(ourDecisions) };
}

describe('the guard of our own interfaces', () => {
  it('identifies the caller', async () => {
    const { guard, resourceRequest, token, response } = await withToken();
    expect(await guard.check(resourceRequest(token, 'vwap-engine', url), need)).toEqual({
      subject: 'agent:vwap-1',
      client: 'vwap-engine',
      institution: broker,
      actors: [],
      scope: ['decision:evaluate'],
      tokenId: claimsOf(response)['jti'],
      authorizationDetails: [],
    });
  });

  it('returns transaction, mandate and intent if the token has them', async () => {
    const { server, clientCredentials, order, resourceRequest, consentStore } = createHarness();
    const response = await server.token(clientCredentials({ authorization_details: order() }));
    const caller = await server
      .guard(venueOrders)
      .check(resourceRequest(response.access_token, 'vwap-engine', venueOrders), { scope: 'order:read' });
    expect(caller).toMatchObject({
      transaction: response.txn,
      mandate: { id: consentStore.mandate.id, version: 2 },
      intentDigest: claimsOf(response)['intent_digest'],
      authorizationDetails: JSON.parse(order()),
    });
  });

  it('accepts each proof once, however many simultaneous requests carry it', async () => {
    const { guard, resourceRequest, token, audit } = await withToken();
    const request = resourceRequest(token, 'vwap-engine', url);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refusalOf(guard.check(request, need))));
    expect(answers.filter(({ code }) => code === 'released')).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'proof_replayed')).toHaveLength(19);
    expect(audit.records.filter(({ reason }) => reason === 'proof_replayed')).toHaveLength(19);
  });

  it('refuses a token for another audience, by another key, or of another kind', async () => {
    const { guard, server, clientCredentials, resourceRequest, token, assertion } = await withToken();
    const { access_token: elsewhere } = await server.token(clientCredentials());
    expect(await refusalOf(guard.check(resourceRequest(elsewhere, 'vwap-engine', url), need))).toMatchObject({
      code: 'token_audience',
    });
    expect(await refusalOf(guard.check(resourceRequest(token, 'order-desk', url), need))).toMatchObject({
      code: 'proof_binding',
    });
    expect(
      await refusalOf(guard.check(resourceRequest(assertion('vwap-engine'), 'vwap-engine', url), need)),
    ).toMatchObject({ code: 'token_type' });
    expect(
      await refusalOf(
        guard.check({ ...resourceRequest(token, 'vwap-engine', url), authorization: [`Bearer ${token}`] }, need),
      ),
    ).toMatchObject({ code: 'token_scheme' });
  });

  it('refuses a token without the scope and records whose token it was', async () => {
    const { guard, resourceRequest, token, audit, response } = await withToken();
    expect(
      await refusalOf(guard.check(resourceRequest(token, 'vwap-engine', url), { scope: 'audit:read' })),
    ).toMatchObject({ code: 'insufficient_scope' });
    expect(audit.last()).toMatchObject({
      type: 'access.refused',
      outcome: 'deny',
      reason: 'insufficient_scope',
      subject: { id: 'agent:vwap-1', institution: broker },
      client: 'vwap-engine',
      references: [claimsOf(response)['evidence']],
    });
  });

  it.each([
    ['client', 'vwap-engine'],
    ['principal', 'agent:vwap-1'],
  ] as const)('refuses a token from the moment its %s has left the directory', async (kind, id) => {
    const { guard, resourceRequest, token, world } = await withToken();
    world.remove(kind, id);
    expect(await refusalOf(guard.check(resourceRequest(token, 'vwap-engine', url), need))).toMatchObject({
      code: 'token_revoked',
    });
  });

  it('refuses a token signed by a key that is no longer published', async () => {
    const { guard, resourceRequest, token, signer } = await withToken();
    await signer.rotate('access-token');
    signer.activate();
    expect((await guard.check(resourceRequest(token, 'vwap-engine', url), need)).client).toBe('vwap-engine');
    signer.retire();
    expect(await refusalOf(guard.check(resourceRequest(token, 'vwap-engine', url), need))).toMatchObject({
      code: 'token_key_unknown',
    });
  });

  it.each([
    ['expired', ({ clock }) => clock.advance(301_000), 'token_expired'],
    ['revoked', ({ revoke }) => revoke(), 'token_revoked'],
    ['offboarded', ({ world }) => world.remove('client', 'vwap-engine'), 'token_revoked'],
    [
      'signed by a key that was taken out of use',
      async ({ signer }) => {
        await signer.rotate('access-token');
        signer.activate();
        signer.retire();
      },
      'token_key_unknown',
    ],
  ] satisfies readonly [string, (end: Ending) => unknown, string][])(
    'refuses a previously accepted token that is now %s',
    async (_, ended, code) => {
      const { guard, resourceRequest, token, response, revocations, ...harness } = await withToken();
      const ask = () => guard.check(resourceRequest(token, 'vwap-engine', url), need);
      expect(await ask()).toEqual(await ask());
      const revoke = () =>
        revocations.revoke(
          { kind: 'token', id: String(claimsOf(response)['jti']) },
          { id: 'person:olivia.ops' },
          'lost',
        );
      await ended({ ...harness, revoke });
      expect(await refusalOf(ask())).toMatchObject({ code });
    },
  );

  it.each([
    ['expires', ({ clock }) => clock.advance(301_000)],
    ['is revoked', ({ revoke }) => revoke()],
    ['loses its client', ({ world }) => world.remove('client', 'vwap-engine')],
    ['loses its subject', ({ world }) => world.remove('principal', 'agent:vwap-1')],
  ] satisfies readonly [string, (end: Ending) => unknown][])(
    'reports that a long-lived response’s token is no longer in force when it %s',
    async (_, ended) => {
      const { guard, resourceRequest, token, response, revocations, ...harness } = await withToken();
      const { caller, token: lasting } = await guard.checkLasting(resourceRequest(token, 'vwap-engine', url), need);
      expect(caller).toEqual(await guard.check(resourceRequest(token, 'vwap-engine', url), need));
      // As received from another process.
      const active = () => guard.isActive(structuredClone(lasting));
      expect(await active()).toBe(true);
      const revoke = () =>
        revocations.revoke(
          { kind: 'token', id: String(claimsOf(response)['jti']) },
          { id: 'person:olivia.ops' },
          'lost',
        );
      await ended({ ...harness, revoke });
      expect(await active()).toBe(false);
    },
  );

  it('checks the token of a long-lived response like any other', async () => {
    const { guard, resourceRequest, token } = await withToken();
    const request = resourceRequest(token, 'vwap-engine', url);
    await guard.checkLasting(request, need);
    expect(await refusalOf(guard.checkLasting(request, need))).toMatchObject({ code: 'proof_replayed' });
    expect(
      await refusalOf(guard.checkLasting(resourceRequest(token, 'vwap-engine', url), { scope: 'audit:read' })),
    ).toMatchObject({ code: 'insufficient_scope' });
  });

  it('refuses a cached token without its own proof, at another interface, or with a byte changed', async () => {
    const { guard, server, resourceRequest, token } = await withToken();
    const request = resourceRequest(token, 'vwap-engine', url);
    await guard.check(request, need);
    const again = resourceRequest(token, 'vwap-engine', url);
    const changed = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const [presented, at, code] of [
      [request, guard, 'proof_replayed'],
      [{ ...again, dpop: [] }, guard, 'proof_missing'],
      [resourceRequest(token, 'order-desk', url), guard, 'proof_binding'],
      [again, server.guard(venueOrders), 'token_audience'],
      [resourceRequest(changed, 'vwap-engine', url), guard, 'token_signature'],
    ] as const)
      expect(await refusalOf(at.check(presented, need))).toMatchObject({ code });
    expect(await guard.check(again, need)).toMatchObject({ client: 'vwap-engine' });
  });

  it('leaves no record of an unauthenticated request', async () => {
    const { guard, resourceRequest, audit } = await withToken();
    const before = audit.records.length;
    expect(await refusalOf(guard.check(resourceRequest('token', 'vwap-engine', url), need))).toMatchObject({
      code: 'token_invalid',
    });
    expect(await refusalOf(guard.check({ method: 'GET', url, authorization: [], dpop: [] }, need))).toMatchObject({
      code: 'token_missing',
    });
    expect(audit.records).toHaveLength(before);
  });

  it('refuses every request while proofs cannot be claimed', async () => {
    const { guard, resourceRequest, token, singleUse } = await withToken();
    singleUse.failWith(new CodedError({ code: 'database_unavailable', category: 'unavailable', detail: 'Not now.' }));
    expect(await refusalOf(guard.check(resourceRequest(token, 'vwap-engine', url), need))).toMatchObject({
      code: 'database_unavailable',
    });
  });

  it('compares a proof with the requested URL', async () => {
    const { guard, resourceRequest, token } = await withToken();
    const request = resourceRequest(token, 'vwap-engine', url, { htu: `${url}/other` });
    expect(await refusalOf(guard.check(request, need))).toMatchObject({ code: 'proof_url' });
    const foreign = resourceRequest(token, 'vwap-engine', url, {});
    expect(await refusalOf(guard.check({ ...foreign, method: 'DELETE' }, need))).toMatchObject({
      code: 'proof_method',
    });
  });

  it.each([
    ['token', (claims: Record<string, unknown>) => claims['jti']],
    ['client', () => 'vwap-engine'],
    ['principal', () => 'agent:vwap-1'],
    ['partner', () => broker],
  ] as const)(
    'refuses a token from the moment its %s is revoked and records whose token it was',
    async (kind, idOf) => {
      const { guard, resourceRequest, token, response, revocations, audit } = await withToken();
      await revocations.revoke({ kind, id: String(idOf(claimsOf(response))) }, { id: 'person:olivia.ops' }, 'lost');
      expect(await refusalOf(guard.check(resourceRequest(token, 'vwap-engine', url), need))).toMatchObject({
        code: 'token_revoked',
        detail: expect.stringContaining(kind),
      });
      expect(audit.last()).toMatchObject({ type: 'access.refused', reason: 'token_revoked', client: 'vwap-engine' });
    },
  );

  it('refuses every request while the revocation status is unknown', async () => {
    const { guard, resourceRequest, token, revocations } = await withToken();
    revocations.lose(true);
    expect(await refusalOf(guard.check(resourceRequest(token, 'vwap-engine', url), need))).toMatchObject({
      code: 'temporarily_unavailable',
    });
  });
});

describe('the guard with certificate-bound tokens', () => {
  const authority = createTestAuthority({ name: 'Members CA' });
  const own = authority.issue({ subject: 'CN=engine', sans: { dns: ['engine.example'] } });
  const other = authority.issue({ subject: 'CN=other' });

  async function withCertificate() {
    const harness = createHarness();
    harness.world.changeClient('vwap-engine', { binding: 'mtls' });
    const form = { grant_type: 'client_credentials', scope: 'decision:evaluate', resource: ourDecisions };
    const { access_token: token } = await harness.server.token(
      harness.requestFor('vwap-engine', form, { certificate: { der: own.der, chainVerified: true } }),
    );
    const request = (change: object = {}) => ({
      method: 'POST',
      url,
      authorization: [`Bearer ${token}`],
      dpop: [],
      certificate: { der: own.der },
      ...change,
    });
    return { ...harness, token, request, guard: harness.server.guard(ourDecisions) };
  }

  it('accepts the holder of the certificate repeatedly', async () => {
    const { guard, request } = await withCertificate();
    for (let index = 0; index < 3; index += 1)
      expect(await guard.check(request(), need)).toMatchObject({ client: 'vwap-engine' });
  });

  it.each([
    ['no certificate', { certificate: undefined }, 'token_certificate_missing'],
    ['another certificate', { certificate: { der: other.der } }, 'token_certificate_binding'],
  ])('refuses a token with %s', async (_, change, code) => {
    const { guard, request } = await withCertificate();
    expect(await refusalOf(guard.check(request(change), need))).toMatchObject({ code });
  });

  it('refuses a token under the scheme DPoP', async () => {
    const { guard, request, token, proof, dpopKeyOf } = await withCertificate();
    const ath = sha256Base64Url(token);
    const dpop = [proof(dpopKeyOf('vwap-engine'), { htu: url, ath })];
    const downgraded = request({ authorization: [`DPoP ${token}`], dpop });
    expect(await refusalOf(guard.check(downgraded, need))).toMatchObject({ code: 'token_scheme' });
  });
});
