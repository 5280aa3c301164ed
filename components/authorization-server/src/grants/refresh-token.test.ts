import type { ScratchDatabase } from '@countersign/runtime';
import { createTestAuthority, createTestDatabase, makeKey } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerMigrations } from '../migrations.ts';
import { createConsents } from '../testing/consents.ts';
import { claimsOf, createHarness, refusalOf } from '../testing/harness.ts';
import { brokerBook, venueOrders } from '../testing/trading-world.ts';

let database: ScratchDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ components: [authorizationServerMigrations] });
});
afterAll(() => database.drop());

let seed = 0;
function start(options: Parameters<typeof createHarness>[0] = {}) {
  seed += 1;
  const pool = database.pool('authorization-server');
  const harness = createHarness({ pool, seed: `refresh-token ${seed}`, ...options });
  return { ...harness, ...createConsents(harness, pool) };
}

async function signedIn(
  options: Parameters<typeof createHarness>[0] = {},
  terms: Parameters<ReturnType<typeof createConsents>['give']>[0] = {},
) {
  const started = start(options);
  const grant = await started.give(terms);
  const first = await started.server.token(started.redeem(await started.codeFor(grant, { resource: venueOrders })));
  return { ...started, grant, first, token: first.refresh_token };
}

describe('the refresh token grant', () => {
  it('issues a new access token under the same consent and no new refresh token', async () => {
    const { server, refresh, token, first, grant, audit, clock } = await signedIn();
    clock.advance(3_600_000);
    const second = await server.token(refresh(token));
    expect(second).not.toHaveProperty('refresh_token');
    const [before, after] = [claimsOf(first), claimsOf(second)];
    for (const kept of ['sub', 'act', 'aud', 'scope', 'cnf', 'lei', 'grant', 'acr', 'auth_time'])
      expect(after[kept]).toEqual(before[kept]);
    expect(after['jti']).not.toBe(before['jti']);
    expect(second.id_token).toBeDefined();
    expect(audit.last()).toMatchObject({
      type: 'token.issued',
      references: expect.arrayContaining([grant.recordId]),
      authentication: { method: 'refresh', acr: 'phr', authTime: grant.authTime },
      data: { grant_type: 'refresh_token', grant: { id: grant.id, version: 1 } },
    });
    expect(JSON.stringify(audit.records)).not.toContain(token);
  });

  it('is idempotent: it may be repeated, a hundred times at once and on another node', async () => {
    const { server, refresh, token, clock, world, consentStore } = await signedIn();
    const other = start({ clock });
    other.world.changeClient('trading-desk', { keys: world.directory.snapshot().client('trading-desk')?.keys ?? [] });
    Object.assign(other.consentStore.grants, { find: consentStore.grants.find });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        refusalOf((index % 2 === 0 ? server : other.server).token(refresh(token))),
      ),
    );
    expect(answers.every(({ code }) => code === 'released')).toBe(true);
  });

  it('narrows scope and target for one token, and leaves the refresh token unchanged', async () => {
    const { server, refresh, token } = await signedIn({}, { resources: [venueOrders, brokerBook] });
    const narrow = await server.token(refresh(token, { scope: 'order:read', resource: brokerBook }));
    expect(claimsOf(narrow)).toMatchObject({ aud: brokerBook, scope: 'order:read' });
    expect(narrow.id_token).toBeUndefined();
    expect(claimsOf(await server.token(refresh(token)))).toMatchObject({
      aud: venueOrders,
      scope: 'order:cancel order:read',
    });
  });

  it.each([
    ['none', undefined, 'invalid_request', 'parameter_missing'],
    ['text', 'refresh', 'invalid_grant', 'refresh_token_unknown'],
    ['one that never was', `csr_${'x'.repeat(43)}`, 'invalid_grant', 'refresh_token_unknown'],
    ['a very long one', 'x'.repeat(60_000), 'invalid_grant', 'refresh_token_unknown'],
  ])('refuses %s', async (_, token, code, reason) => {
    const { server, refresh } = start();
    expect(await refusalOf(server.token(refresh(token)))).toMatchObject({ code, reason });
  });

  it('refuses an access token or an ID token instead of a refresh token', async () => {
    const { server, refresh, first } = await signedIn();
    for (const other of [first.access_token, first.id_token])
      expect(await refusalOf(server.token(refresh(other)))).toMatchObject({ reason: 'refresh_token_unknown' });
  });

  it('refuses a request wider than the consent', async () => {
    const { server, refresh, token } = await signedIn();
    expect(await refusalOf(server.token(refresh(token, { scope: 'report:read' })))).toMatchObject({
      reason: 'scope_wider',
    });
    expect(await refusalOf(server.token(refresh(token, { resource: brokerBook })))).toMatchObject({
      reason: 'target_not_granted',
    });
  });

  it('accepts a new DPoP key from an authenticated client, binds the token to it, and records the change once', async () => {
    const { server, refresh, token, first, grant, audit, world } = await signedIn();
    const changes = () => audit.records.filter(({ type }) => type === 'client.dpop-key-changed');
    const key = makeKey();
    const second = await server.token(refresh(token, {}, 'trading-desk', { key }));
    expect(claimsOf(second)['cnf']).toEqual({ jkt: key.kid });
    const { jkt: was } = claimsOf(first)['cnf'] as { readonly jkt: string };
    const institution = world.directory.snapshot().client('trading-desk')?.institution;
    expect(changes()).toMatchObject([
      {
        client: 'trading-desk',
        subject: { id: grant.subject, institution: grant.institution },
        references: [grant.recordId],
        data: { grant: grant.id, institution, was, jkt: key.kid },
      },
    ]);
    // It is now the client's current key, so later refreshes are not key changes.
    await server.token(refresh(token, {}, 'trading-desk', { key }));
    expect(changes()).toHaveLength(1);
    await server.token(refresh(token));
    expect(changes()).toMatchObject([{}, { data: { was: key.kid, jkt: was } }]);
  });

  it('records no key change for a refused refresh, and issues nothing if the change cannot be recorded', async () => {
    const { server, refresh, token, audit } = await signedIn();
    const key = makeKey();
    const wider = refresh(token, { scope: 'report:read' }, 'trading-desk', { key });
    expect(await refusalOf(server.token(wider))).toMatchObject({ reason: 'scope_wider' });
    audit.breakDown();
    const unrecorded = refresh(token, {}, 'trading-desk', { key });
    expect(await refusalOf(server.token(unrecorded))).toMatchObject({ code: 'temporarily_unavailable' });
    audit.repair();
    expect(audit.records.filter(({ type }) => type === 'client.dpop-key-changed')).toEqual([]);
  });

  it('requires a proof, with an old or new key: a key-bound grant never becomes a bearer token', async () => {
    const { server, refresh, token, world } = await signedIn();
    world.changeClient('trading-desk', { binding: 'none' });
    expect(await refusalOf(server.token(refresh(token)))).toMatchObject({ reason: 'refresh_token_key' });
  });

  it('refuses another client, and another key if the client binds its refresh tokens', async () => {
    const { server, refresh, token, world, audit } = await signedIn();
    world.changeClient('trading-desk', { dpopBoundRefreshTokens: true });
    world.changeClient('order-desk', { grantTypes: ['refresh_token'] });
    expect(await refusalOf(server.token(refresh(token, {}, 'order-desk')))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_token_client',
    });
    expect(await refusalOf(server.token(refresh(token, {}, 'trading-desk', { key: makeKey() })))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_token_key',
    });
    expect(audit.last()).toMatchObject({ type: 'token.refused', client: 'trading-desk' });
    expect(await refusalOf(server.token(refresh(token)))).toEqual({ code: 'released' });
  });

  it('ends immediately with the consent', async () => {
    const { server, refresh, token, consentStore, grant } = await signedIn();
    await consentStore.grants.revoke(grant.id, { id: 'person:anna.keller' }, 'no longer');
    expect(await refusalOf(server.token(refresh(token)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'grant_ended',
    });
  });

  it('ends when the consent is changed, because the change issues its own tokens', async () => {
    const { server, refresh, token, consentStore, grant, proposal } = await signedIn();
    await consentStore.grants.change(grant.id, 'merge', proposal({ scopes: ['openid'] }));
    expect(await refusalOf(server.token(refresh(token)))).toMatchObject({
      code: 'invalid_grant',
      reason: 'refresh_token_superseded',
    });
  });

  it('ends after its own lifetime and no later than the consent', async () => {
    const { server, refresh, token, clock } = await signedIn({ config: { refreshTokenLifetimeDays: 2 } });
    clock.advance(2 * 86_400_000 - 1_000);
    expect(await refusalOf(server.token(refresh(token)))).toEqual({ code: 'released' });
    clock.advance(1_000);
    expect(await refusalOf(server.token(refresh(token)))).toMatchObject({ reason: 'refresh_token_unknown' });
    const other = await signedIn();
    other.clock.advance(30 * 86_400_000);
    expect(await refusalOf(other.server.token(other.refresh(other.token)))).toMatchObject({
      reason: 'refresh_token_unknown',
    });
  });

  it('revokes one refresh token on request, and no other', async () => {
    const { server, refresh, token, refreshTokens, redeem, codeFor, give } = await signedIn();
    const another = await server.token(redeem(await codeFor(await give())));
    await refreshTokens.end(token ?? '');
    await refreshTokens.end(token ?? '');
    expect(await refusalOf(server.token(refresh(token)))).toMatchObject({ reason: 'refresh_token_unknown' });
    expect(await refusalOf(server.token(refresh(another.refresh_token)))).toEqual({ code: 'released' });
  });

  it('stores the hash of a refresh token, and removes ended ones in slices', async () => {
    const { token, refreshTokens, clock } = await signedIn();
    const pool = database.pool('authorization-server');
    const { rows } = await pool.query<{ row: string }>('select t::text as row from refresh_tokens t');
    expect(JSON.stringify(rows)).not.toContain(token?.slice(4));
    await pool.query(
      `insert into refresh_tokens (token_hash, grant_id, grant_version, client, scopes, acr, amr, auth_time, expires_at)
       select sha256(n::text::bytea), 'grt', 1, 'c', '{}', 'a', '{}', 0, to_timestamp(0) from generate_series(1, 6000) n`,
    );
    clock.advance(0);
    expect(await refreshTokens.sweep()).toBeGreaterThanOrEqual(6_000);
    expect(await refreshTokens.find(token ?? '')).toBeDefined();
  });

  it('survives a renewed certificate if tokens are bound to certificates, and binds to the new one', async () => {
    const { server, world, give, codeFor, redeem, refresh } = start();
    world.changeClient('trading-desk', {
      authentication: { method: 'tls_client_auth', name: { kind: 'san_dns', value: 'desk.example' } },
      binding: 'mtls',
    });
    const authority = createTestAuthority({ name: 'Test CA' });
    const show = () => {
      const issued = authority.issue({ subject: 'CN=desk', sans: { dns: ['desk.example'] } });
      return { issued, by: { certificate: { der: issued.der, chainVerified: true } } };
    };
    const none = { client_assertion: undefined, client_assertion_type: undefined, client_id: 'trading-desk' };
    const [before, after] = [show(), show()];
    const code = await codeFor(await give());
    const first = await server.token(redeem(code, none, 'trading-desk', before.by));
    expect(first.token_type).toBe('Bearer');
    expect(claimsOf(first)['cnf']).toEqual({ 'x5t#S256': before.issued.thumbprint });
    const second = await server.token(refresh(first.refresh_token, none, 'trading-desk', after.by));
    expect(claimsOf(second)['cnf']).toEqual({ 'x5t#S256': after.issued.thumbprint });
  });
});
