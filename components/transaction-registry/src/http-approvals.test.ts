import type { PublicKey } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { broker, clearer, personOf, stranger } from '../../consent-store/src/testing/firms.ts';
import { transactionRegistryRoutes } from './index.ts';
import { type ApprovingWorld, createApprovingWorld, olga, oscar } from './testing/approving-world.ts';
import type { trader } from './testing/trading-world.ts';

let world: ApprovingWorld;
const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
const [atClearer, outsider] = [personOf(clearer, 'desk-1'), personOf(stranger, 'desk-2')];

beforeAll(async () => {
  world = await createApprovingWorld();
  transactionRegistryRoutes(app, {
    transactions: world.registry,
    guard: createOpenGuard(),
    baseUrl: 'https://countersign.example',
    envelopeKeys: () => world.keyring.publicKeys('envelope') as Promise<readonly PublicKey[]>,
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await world.close();
});

type Caller = Parameters<typeof asCaller>;
function post(url: string, caller: Caller, payload?: object) {
  return app.inject({
    method: 'POST',
    url,
    headers: asCaller(...caller),
    ...(payload === undefined ? {} : { payload }),
  });
}
function get(url: string, caller: readonly [typeof trader, readonly string[]]) {
  return app.inject({ method: 'GET', url, headers: asCaller(...caller) });
}
const answer = (response: { readonly statusCode: number; json(): { readonly code?: string } }) => [
  response.statusCode,
  response.json().code,
];

describe('approvals over HTTP', () => {
  it('are shown, given and withdrawn under the scope of their kind of intent', async () => {
    const change = await world.begin('privileged_admin');
    const url = `/transactions/${change.id}`;
    const shown = await get(`${url}/approval`, [olga, ['directory:approve']]);
    expect([shown.statusCode, shown.json().awaited]).toEqual([
      200,
      [{ role: 'operations', count: 2, institution: broker }],
    ]);
    const given = await post(`${url}/approvals`, [olga, ['directory:approve']], { jws: world.signed(olga, change) });
    expect([given.statusCode, given.json().approver]).toEqual([201, olga.id]);
    const back = await post(`${url}/approvals/${given.json().id}/withdraw`, [olga, ['directory:approve']]);
    expect([back.statusCode, back.json().withdrawn]).toEqual([
      200,
      { at: expect.any(String), recordId: expect.any(String) },
    ]);
  });

  it.each([
    ['trade_order', 'order:approve'],
    ['rfq', 'order:approve'],
    ['settlement_instruction', 'order:approve'],
    ['allocation', 'allocation:approve'],
    ['collateral_transfer', 'collateral:approve'],
    ['withdrawal', 'withdrawal:approve'],
    ['address_book_change', 'withdrawal-address:approve'],
    ['privileged_admin', 'directory:approve'],
  ] as const)('of a %s need %s and accept no other', async (kind, scope) => {
    const { id } = await world.begin(kind);
    expect((await get(`/transactions/${id}/approval`, [olga, [scope]])).statusCode).toBe(200);
    const other = scope === 'order:approve' ? 'withdrawal:approve' : 'order:approve';
    const body = { jws: 'x' };
    for (const refused of [
      await get(`/transactions/${id}/approval`, [olga, [other]]),
      await post(`/transactions/${id}/approvals`, [olga, [other]], body),
      await post(`/transactions/${id}/approvals/apr_00000000000000000000000000/withdraw`, [olga, [other]]),
    ])
      expect(answer(refused)).toEqual([403, 'insufficient_scope']);
    expect((await get(`/transactions/${id}/approval`, [olga, ['order:read']])).statusCode).toBe(403);
  });

  it('for several transactions need the scopes of all their kinds', async () => {
    const [change, withdrawal] = [await world.begin('privileged_admin'), await world.begin('withdrawal')];
    const body = { jws: world.signedBatch(oscar, [change, withdrawal]) };
    const refused = await post('/transactions/approvals', [oscar, ['directory:approve']], body);
    expect(answer(refused)).toEqual([403, 'insufficient_scope']);
    const given = await post('/transactions/approvals', [oscar, ['directory:approve', 'withdrawal:approve']], body);
    expect([given.statusCode, given.json().approvals]).toMatchObject([
      201,
      [{ transaction: change.id }, { transaction: withdrawal.id }],
    ]);
    const again = await post('/transactions/approvals', [oscar, ['directory:approve', 'withdrawal:approve']], body);
    expect(again.json()).toMatchObject({ status: 409, code: 'approval_repeated', facts: { transaction: change.id } });
  });

  it('for several transactions are refused, and recorded, when they cannot be read', async () => {
    const before = world.audit.ofType('approval.refused').length;
    const refused = await post('/transactions/approvals', [olga, ['order:approve']], { jws: 'a.b.c' });
    expect(answer(refused)).toEqual([400, 'approval_malformed']);
    expect(world.audit.ofType('approval.refused').slice(before)).toMatchObject([{ reason: 'approval_malformed' }]);
  });

  it('are invisible to others', async () => {
    const change = await world.begin('privileged_admin');
    const absent = 'txn_00000000000000000000000000';
    for (const id of [change.id, absent]) {
      expect(answer(await get(`/transactions/${id}/approval`, [outsider, ['directory:approve']]))).toEqual([
        404,
        'transaction_not_found',
      ]);
      const batch = world.signedBatch(olga, [{ ...change, id: id as typeof change.id }]);
      expect(answer(await post('/transactions/approvals', [outsider, ['directory:approve']], { jws: batch }))).toEqual([
        404,
        'transaction_not_found',
      ]);
    }
  });

  it('cannot be submitted or seen by a party whose approval is not required', async () => {
    const { transaction } = await world.reach();
    const url = `/transactions/${transaction.id}`;
    expect(answer(await post(`${url}/approvals`, [atClearer, ['order:approve']], { jws: 'x' }))).toEqual([
      403,
      'approval_institution',
    ]);
    expect(answer(await get(`${url}/approval`, [atClearer, ['order:approve']]))).toEqual([
      404,
      'transaction_not_found',
    ]);
  });
});

describe('envelopes over HTTP', () => {
  it('are issued to parties, and not cached on the way', async () => {
    const { transaction } = await world.reach('submit');
    const url = `/transactions/${transaction.id}/envelope`;
    const issued = await get(url, [atClearer, ['settlement:read']]);
    expect(issued.statusCode).toBe(200);
    expect(issued.headers['cache-control']).toBe('no-store');
    expect(issued.json().envelope.split('.')).toHaveLength(3);
    expect(answer(await get(url, [outsider, ['settlement:read']]))).toEqual([404, 'transaction_not_found']);
    expect((await get(url, [atClearer, ['order:create']])).statusCode).toBe(403);
  });

  it('are verified with published keys, public halves only', async () => {
    const keys = await app.inject({ method: 'GET', url: '/transactions/keys' });
    expect([keys.statusCode, keys.headers['cache-control']]).toEqual([200, 'public, max-age=60']);
    const [key] = keys.json().keys;
    expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid: expect.any(String) });
    expect(key).not.toHaveProperty('d');
  });
});
