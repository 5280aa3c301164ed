import type { Client, PresentedCertificate } from '@countersign/contracts';
import { createTestAuthority, type TestCertificate } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { createHarness, refusalOf, start } from '../testing/harness.ts';
import { liftRevocation, placeRevocation } from '../testing/placed-revocations.ts';
import { broker, ourDecisions, ourScim } from '../testing/trading-world.ts';

const authority = createTestAuthority({ name: 'Members CA' });
const sans = { dns: ['hr.example'] };
const own = authority.issue({ subject: 'CN=hr', sans });
const renewed = authority.issue({ subject: 'CN=hr', sans });
const other = authority.issue({ subject: 'CN=other', sans: { dns: ['other.example'] } });
const dayMs = 86_400_000;
const shortLived = authority.issue({ subject: 'CN=hr', sans, notAfter: new Date(start + 3 * dayMs) });
const shown = ({ der }: TestCertificate): PresentedCertificate => ({ der, chainVerified: true });

const provisioning: Partial<Client> = {
  authentication: { method: 'tls_client_auth', name: { kind: 'san_dns', value: 'hr.example' } },
  binding: 'mtls',
  grantTypes: ['client_credentials'],
  scopes: ['identity:read', 'identity:provision'],
  audiences: [ourScim as Client['audiences'][number]],
  provisioningTokenDays: 30,
};

function begin(change: Partial<Client> = {}) {
  const harness = createHarness();
  const { server, world } = harness;
  world.changeClient('order-desk', { ...provisioning, ...change });
  const form = (parameters: Readonly<Record<string, string>> = {}, certificate: TestCertificate | undefined = own) =>
    harness.requestFor(
      'order-desk',
      { client_assertion: undefined, client_assertion_type: undefined, client_id: 'order-desk', ...parameters },
      certificate === undefined ? {} : { certificate: shown(certificate) },
    );
  const request = (token: string, certificate: TestCertificate | undefined = own, scheme = 'Bearer') => ({
    method: 'GET',
    url: `${ourScim}/v2/Users`,
    authorization: [`${scheme} ${token}`],
    dpop: [],
    address: '192.0.2.9',
    zone: 'mutual-tls',
    ...(certificate === undefined ? {} : { certificate: shown(certificate) }),
  });
  const guard = server.guard(ourScim);
  return {
    ...harness,
    guard,
    form,
    request,
    give: async (certificate: TestCertificate = own) =>
      (await server.clientEndpoints.provisioningToken(form({}, certificate))).access_token,
    use: (token: string, certificate?: TestCertificate, scheme?: string) =>
      guard.check(request(token, certificate, scheme), { scope: 'identity:read' }),
    issued: () => harness.audit.records.filter(({ type }) => type === 'token.issued').length,
  };
}

describe('a provisioning token', () => {
  it('has the lifetime of the registration, is recorded by its hash, and lets its client provision', async () => {
    const { server, form, use, audit } = begin();
    const answer = await server.clientEndpoints.provisioningToken(form());
    expect(answer).toEqual({
      access_token: expect.stringMatching(/^cpt_[\w-]{43}_order-desk$/),
      token_type: 'Bearer',
      expires_in: 30 * 86_400,
      scope: 'identity:provision identity:read',
    });
    expect(audit.last()).toMatchObject({
      type: 'provisioning-token.issued',
      client: 'order-desk',
      subject: { institution: broker },
      audience: [ourScim],
      authentication: { method: 'tls_client_auth' },
      certificate: { thumbprint: own.thumbprint },
      data: { certificate: own.thumbprint, scope: answer.scope },
    });
    expect(JSON.stringify(audit.drafts)).not.toContain(answer.access_token);
    expect(await use(answer.access_token)).toMatchObject({ client: 'order-desk', institution: broker });
  });

  it('uses access tokens requested from the client’s own address, as their records show', async () => {
    const { give, use, clock, audit } = begin();
    const token = await give();
    const issued = () => audit.records.filter(({ type }) => type === 'token.issued');
    expect(issued()).toMatchObject([{ address: '192.0.2.7' }]);
    clock.advance(300_000);
    await use(token);
    expect(issued()[1]).toMatchObject({ address: '192.0.2.9', zone: 'mutual-tls' });
  });

  it('requests one access token at a time for simultaneous requests, and the next before that one ends', async () => {
    const { give, use, clock, issued } = begin();
    const token = await give();
    const before = issued();
    await Promise.all(Array.from({ length: 20 }, () => use(token)));
    expect(issued()).toBe(before + 1);
    clock.advance(299_000);
    await use(token);
    expect(issued()).toBe(before + 2);
  });

  it.each<readonly [string, (its: ReturnType<typeof begin>, token: string) => Promise<unknown>, string]>([
    [
      'without a certificate',
      ({ guard, request }, token) =>
        guard.check({ ...request(token), certificate: undefined } as never, { scope: 'identity:read' }),
      'token_certificate_missing',
    ],
    ['with another certificate', ({ use }, token) => use(token, other), 'token_certificate_binding'],
    [
      'with a renewed certificate of the same name',
      ({ use }, token) => use(token, renewed),
      'token_certificate_binding',
    ],
    ['under the scheme DPoP', ({ use }, token) => use(token, own, 'DPoP'), 'token_scheme'],
    ['with another secret', ({ use }, token) => use(token.replace(/^cpt_.{4}/, 'cpt_AAAA')), 'token_revoked'],
    [
      'with the name of another client',
      ({ use }, token) => use(token.replace('order-desk', 'vwap-engine')),
      'token_revoked',
    ],
    [
      'for a scope that it has not',
      ({ guard, request }, token) => guard.check(request(token), { scope: 'audit:read' }),
      'insufficient_scope',
    ],
    [
      'at another interface',
      ({ server, request }, token) => server.guard(ourDecisions).check(request(token), { scope: 'identity:read' }),
      'token_invalid',
    ],
  ])('is refused %s', async (_, attempt, code) => {
    const its = begin();
    const token = await its.give();
    expect(await refusalOf(attempt(its, token))).toMatchObject({ code });
    expect(await its.use(token)).toBeDefined();
  });

  it('is refused as a token at the token endpoint and as the subject of an exchange', async () => {
    const { give, server, form, world } = begin();
    const token = await give();
    world.changeClient('order-desk', {
      grantTypes: ['client_credentials', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    });
    const refresh = form({ grant_type: 'refresh_token', refresh_token: token });
    const exchange = form({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: ourScim,
    });
    for (const each of [refresh, exchange]) expect((await refusalOf(server.token(each))).code).not.toBe('released');
  });

  it('ends on expiry, with its certificate, when it is replaced, and when its client revokes it', async () => {
    const { give, use, clock, server, form, audit } = begin();
    const first = await give();
    const second = await give();
    expect(await refusalOf(use(first))).toMatchObject({ code: 'token_revoked' });
    expect(await use(second)).toBeDefined();
    await server.clientEndpoints.revoke(form({ token: first }));
    expect(await use(second)).toBeDefined();
    await server.clientEndpoints.revoke(form({ token: second }));
    expect(audit.last()).toMatchObject({ type: 'provisioning-token.ended', client: 'order-desk' });
    expect(await refusalOf(use(second))).toMatchObject({ code: 'token_revoked' });

    const soon = await server.clientEndpoints.provisioningToken(form({}, shortLived));
    expect(soon.expires_in).toBe(3 * 86_400);
    clock.advance(3 * dayMs + 1_000);
    expect(await refusalOf(use(soon.access_token, shortLived))).toMatchObject({ code: 'token_expired' });
    const third = await give();
    clock.advance(30 * dayMs + 1_000);
    expect(await refusalOf(use(third))).toMatchObject({ code: 'token_expired' });
  });

  it.each<readonly [string, (its: ReturnType<typeof begin>) => void]>([
    [
      'is no longer registered for one',
      ({ world }) => world.changeClient('order-desk', { provisioningTokenDays: undefined } as never),
    ],
    ['is gone', ({ world }) => world.remove('client', 'order-desk')],
    [
      'authenticates in another way',
      ({ world }) => world.changeClient('order-desk', { authentication: { method: 'private_key_jwt' } }),
    ],
    [
      'has another certificate name',
      ({ world }) =>
        world.changeClient('order-desk', {
          authentication: { method: 'tls_client_auth', name: { kind: 'san_dns', value: 'new.example' } },
        }),
    ],
    ['may no longer provision', ({ world }) => world.changeClient('order-desk', { scopes: ['identity:read'] })],
    ['is of an institution that has been retired', ({ world }) => world.lapse(broker)],
  ])('issues nothing when its client %s', async (_, change) => {
    const its = begin();
    const token = await its.give();
    await its.use(token);
    change(its);
    its.clock.advance(300_000);
    expect(await refusalOf(its.use(token))).toMatchObject({ code: 'token_revoked' });
  });

  it('stops working once the authority of its certificate is no longer trusted, even with a cached access token', async () => {
    const { give, use, guard, request } = begin();
    const token = await give();
    await use(token);
    const untrusted = { ...request(token), certificate: { ...shown(own), chainVerified: false } };
    expect(await refusalOf(guard.check(untrusted, { scope: 'identity:read' }))).toMatchObject({
      code: 'token_revoked',
    });
    await use(token);
  });

  it('stops working while its client is revoked, however long ago, and works again once that is lifted', async () => {
    const its = begin();
    const { give, use, clock, revocations } = its;
    const token = await give();
    await use(token);
    const client = { kind: 'client', id: 'order-desk' } as const;
    await placeRevocation(its, client);
    await revocations.revoke(client, { id: 'person:olga' }, 'a test');
    expect(await refusalOf(use(token))).toMatchObject({ code: 'token_revoked' });
    await liftRevocation(its, client);
    clock.advance(90_000);
    expect(await use(token)).toBeDefined();
    await placeRevocation(its, client);
    clock.advance(dayMs);
    expect(await refusalOf(use(token))).toMatchObject({ code: 'token_revoked' });
    await liftRevocation(its, client);
    expect(await use(token)).toBeDefined();
  });

  it.each<readonly [string, Partial<Client>, TestCertificate | undefined, string]>([
    ['is not registered for one', { provisioningTokenDays: undefined } as never, own, 'provisioning_token_not_allowed'],
    ['has its tokens bound by DPoP', { binding: 'dpop' }, own, 'proof_missing'],
    ['shows the certificate of another', {}, other, 'client_certificate_name'],
    ['is not registered for the interface', { audiences: [] }, own, 'target_not_allowed'],
    ['holds no scope of it', { scopes: ['audit:read'] }, own, 'scope_not_offered'],
  ])('is refused to a client that %s, and this is recorded', async (_, change, certificate, reason) => {
    const { server, form, audit } = begin(change);
    const proofless = { ...form({}, certificate), dpop: [] };
    const refused = await refusalOf(server.clientEndpoints.provisioningToken(proofless));
    expect(audit.last()).toMatchObject({ outcome: 'deny' });
    expect([refused.reason, audit.last().reason]).toEqual([reason, reason]);
    expect(audit.records.some(({ type }) => type === 'provisioning-token.issued')).toBe(false);
  });

  it('lets no request through while the log does not answer', async () => {
    const { give, use, audit } = begin();
    const token = await give();
    await use(token);
    audit.breakDown();
    expect(await refusalOf(use(token))).toMatchObject({ code: 'log_unavailable' });
  });
});
