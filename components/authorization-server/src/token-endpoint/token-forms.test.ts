import { sha256Base64Url } from '@countersign/kernel';
import type { ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerMigrations } from '../migrations.ts';
import { claimsOf, createHarness, refusalOf } from '../testing/harness.ts';
import { clearingTrades, venueReports } from '../testing/trading-world.ts';

let database: ScratchDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ components: [authorizationServerMigrations] });
});
afterAll(() => database.drop());

let seed = 0;
function start() {
  seed += 1;
  const harness = createHarness({ pool: database.pool('authorization-server'), seed: `token forms ${seed}` });
  const { world, clientCredentials } = harness;
  const client = world.directory.snapshot().client('vwap-engine');
  const reports = world.directory.snapshot().resource(venueReports);
  if (client === undefined || reports === undefined) throw new Error('not in the world');
  world.changeClient('vwap-engine', {
    audiences: [...client.audiences, reports.uri],
    scopes: [...client.scopes, 'report:read'],
  });
  return { ...harness, opaque: () => clientCredentials({ scope: 'report:read', resource: venueReports }) };
}

describe('an interface that takes opaque tokens', () => {
  it('gets tokens without content, recorded by the token they refer to and their own hash', async () => {
    const { server, opaque, audit } = start();
    const response = await server.token(opaque());
    expect(response.access_token).toMatch(/^cst_[\w-]{43}$/);
    expect(response).toMatchObject({ token_type: 'DPoP', expires_in: 300, scope: 'report:read' });
    expect(audit.last()).toMatchObject({
      type: 'token.issued',
      data: { claims: { aud: venueReports }, token_sha256: sha256Base64Url(response.access_token) },
    });
    expect(JSON.stringify(audit.records)).not.toContain(response.access_token);
  });

  it('can exchange them for the next hop, like other tokens', async () => {
    const { server, opaque, exchange, world } = start();
    world.changeClient('venue-gateway', { scopes: ['trade:read', 'report:read'] });
    const { access_token: token } = await server.token(opaque());
    expect(await refusalOf(server.token(exchange(token)))).toMatchObject({ reason: 'scope_missing' });
    expect(await refusalOf(server.token(exchange(`cst_${'x'.repeat(43)}`)))).toMatchObject({
      code: 'invalid_request',
      reason: 'subject_token_unknown',
    });
  });
});

describe('any other interface', () => {
  it('gets signed tokens', async () => {
    const { server, clientCredentials, exchange } = start();
    const first = await server.token(clientCredentials({ scope: 'trade:read' }));
    expect(claimsOf(await server.token(exchange(first.access_token)))).toMatchObject({ aud: clearingTrades });
  });
});
