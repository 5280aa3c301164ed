import { type EmergencyScope, emergencyScopes, parseClientId, parseResourceUri } from '@countersign/contracts';
import { type IncidentId, newId, sha256Base64Url } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import { describe, expect, it } from 'vitest';
import { createHarness, type Harness, refusalOf } from './testing/harness.ts';
import { broker, brokerBook, ourTransactions, venueOrders } from './testing/trading-world.ts';

const tool = 'vwap-engine';

function emergency(harness: Harness, change: object = {}) {
  const { server, clock, random, dpopKeyOf, newRecordId, seconds } = harness;
  const client = parseClientId(tool);
  const resource = parseResourceUri(ourTransactions);
  const subject = harness.world.directory.snapshot().principal('person:anna.keller')?.id;
  if (client === undefined || resource === undefined || subject === undefined) throw new Error('a broken fixture');
  const incident: IncidentId = newId('incident', { clock, random });
  const grounds = newRecordId();
  const request: Parameters<typeof server.issueEmergency>[0] = {
    incident,
    subject,
    client,
    resource,
    scopes: ['order:read', 'order:cancel'],
    jkt: createKeyCache().import(dpopKeyOf(tool).jwk).thumbprint,
    lifetimeSeconds: 240,
    authentication: { acr: 'phrh', authTime: seconds() },
    references: [grounds],
    ...change,
  };
  return { request, grounds, issued: () => server.issueEmergency(request) };
}

const claimsIn = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<string, unknown>;

describe('an emergency access token', () => {
  it('is decided, recorded first, bound to a key and valid at its interface, like any other token', async () => {
    const harness = createHarness();
    const { issued, grounds, request } = emergency(harness);
    const { accessToken, tokenId, recordId, expiresAt } = await issued();
    expect(claimsIn(accessToken)).toMatchObject({
      sub: 'person:anna.keller',
      aud: ourTransactions,
      client_id: tool,
      scope: 'order:cancel order:read',
      jti: tokenId,
      exp: harness.seconds() + 240,
      acr: 'phrh',
      evidence: recordId,
      cnf: { jkt: request.jkt },
    });
    expect(expiresAt).toBe(new Date((harness.seconds() + 240) * 1000).toISOString());
    expect(harness.policyEngine.asked.at(-1)).toMatchObject({
      principal: 'person:anna.keller',
      action: 'token:issue',
      resource: { type: 'resource', uri: ourTransactions },
      context: { client: tool, acr: 'phrh', scopes: ['order:read', 'order:cancel'] },
    });
    expect(harness.audit.last()).toMatchObject({
      id: recordId,
      type: 'token.issued',
      outcome: 'permit',
      subject: { id: 'person:anna.keller', institution: broker },
      client: tool,
      scope: ['order:read', 'order:cancel'],
      references: expect.arrayContaining([grounds]),
      authentication: { method: 'break-glass', acr: 'phrh' },
      data: {
        grant_type: 'urn:countersign:grant:break-glass',
        token_sha256: sha256Base64Url(accessToken),
        provenance: { incident: request.incident },
      },
    });
    const guard = harness.server.guard(ourTransactions);
    const call = () => harness.resourceRequest(accessToken, tool, ourTransactions);
    expect(await guard.check(call(), { scope: 'order:cancel' })).toMatchObject({ subject: 'person:anna.keller' });
    // The guard rejects it for every trading and approval scope.
    for (const scope of ['order:create', 'withdrawal:request', 'order:approve', 'policy:approve'])
      expect(await refusalOf(guard.check(call(), { scope }))).toMatchObject({ code: 'insufficient_scope' });
    // It can be revoked.
    await harness.server.revoke({ kind: 'token', id: tokenId }, { id: 'person:anna.keller' }, 'over');
    expect(await refusalOf(guard.check(call(), { scope: 'order:cancel' }))).toMatchObject({ code: 'token_revoked' });
  });

  it('lives for five minutes at most, or less if the policies say so', async () => {
    const harness = createHarness();
    const long = await emergency(harness, { lifetimeSeconds: 86_400 }).issued();
    expect(claimsIn(long.accessToken)['exp']).toBe(harness.seconds() + 300);
    harness.policyEngine.limitLifeTo(120);
    const short = await emergency(harness).issued();
    expect(claimsIn(short.accessToken)['exp']).toBe(harness.seconds() + 120);
  });

  it('gains neither time nor scope by an exchange, ends with its subject token, and stays within its institution', async () => {
    const harness = createHarness();
    const { accessToken, tokenId } = await emergency(harness, { lifetimeSeconds: 100 }).issued();
    harness.clock.advance(90_000);
    const exchanged = (change: object = {}, by = 'order-desk') =>
      harness.server.token(harness.exchange(accessToken, { resource: brokerBook, ...change }, by));
    const asked = exchanged({ scope: 'order:read' });
    const { access_token: next } = await asked;
    expect(claimsIn(next)).toMatchObject({ exp: harness.seconds() + 10, scope: 'order:read' });
    expect(await refusalOf(exchanged({ scope: 'order:create' }))).toMatchObject({ code: 'invalid_scope' });
    expect(await refusalOf(exchanged({}, 'venue-gateway'))).toMatchObject({ code: 'invalid_request' });
    await harness.server.revoke({ kind: 'token', id: tokenId }, { id: 'person:anna.keller' }, 'over');
    expect(await refusalOf(exchanged({ scope: 'order:read' }))).toMatchObject({ reason: 'subject_token_revoked' });
  });

  it('is limited to emergency scopes for every caller, and each refusal is recorded', async () => {
    const harness = createHarness();
    for (const scope of ['order:create', 'withdrawal:request'] as const)
      expect(await refusalOf(emergency(harness, { scopes: ['order:read', scope] }).issued())).toMatchObject({
        code: 'invalid_scope',
        reason: 'scope_not_allowed',
      });
    const elsewhere: EmergencyScope = 'session:end';
    expect(emergencyScopes).toContain(elsewhere);
    expect(await refusalOf(emergency(harness, { scopes: [elsewhere] }).issued())).toMatchObject({
      reason: 'scope_not_offered',
    });
    expect(await refusalOf(emergency(harness, { scopes: [] }).issued())).toMatchObject({ reason: 'scope_missing' });
    expect(harness.audit.records.map(({ type, reason }) => [type, reason])).toEqual([
      ['token.refused', 'scope_not_allowed'],
      ['token.refused', 'scope_not_allowed'],
      ['token.refused', 'scope_not_offered'],
      ['token.refused', 'scope_missing'],
    ]);
  });

  it('is limited to interfaces of this installation and to registered people and software', async () => {
    const harness = createHarness();
    expect(await refusalOf(emergency(harness, { resource: parseResourceUri(venueOrders) }).issued())).toMatchObject({
      reason: 'target_not_allowed',
    });
    expect(await refusalOf(emergency(harness, { subject: 'agent:vwap-1' }).issued())).toMatchObject({
      reason: 'principal_unknown',
    });
    expect(await refusalOf(emergency(harness, { client: parseClientId('nobody') }).issued())).toMatchObject({
      reason: 'principal_unknown',
    });
  });

  it('is not issued against the policies, nor if it cannot be recorded', async () => {
    const harness = createHarness();
    harness.policyEngine.denyWith({ code: 'risk_takeover', detail: 'Somebody else may be acting.' });
    expect(await refusalOf(emergency(harness).issued())).toMatchObject({
      code: 'access_denied',
      reason: 'risk_takeover',
    });
    expect(harness.audit.last()).toMatchObject({ type: 'token.refused', reason: 'risk_takeover' });
    harness.policyEngine.denyWith(undefined);
    harness.audit.breakDown();
    expect(await refusalOf(emergency(harness).issued())).toMatchObject({ code: 'log_unavailable' });
  });
});
