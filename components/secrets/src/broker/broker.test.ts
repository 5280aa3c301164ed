import { createHmac } from 'node:crypto';
import type { TransactionFacts } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { digestOfIntent, intentOf, parseAuthorizationDetail } from '@countersign/market';
import { codeOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningSecrets } from '../index.ts';
import { createSecretsWorld, operator, type SecretsWorld } from '../testing/secrets-world.ts';
import type { VenueCaller } from './broker.ts';

let world: SecretsWorld;
let secrets: RunningSecrets;
const secret = 'NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j';
const trader = 'service:trader';

beforeAll(async () => {
  world = await createSecretsWorld();
  secrets = world.node();
  await world.define(secrets, {
    ...({ kind: 'venue-key', change: 'define', name: 'binance-main', holders: [trader], value: secret } as const),
    venueKey: {
      ...({ venue: 'binance', venueMic: 'BINA', baseUrl: 'https://api.binance.com', algorithm: 'hmac' } as const),
      apiKey: 'vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A',
      institution: operator,
      accounts: ['ACC-1'],
      symbols: [{ instrument: '4H95J0R2X', currency: 'USD', symbol: 'BTCUSDT' }],
      probe: 'waived',
    },
  });
});
afterAll(() => world.close());

/** The trade order of a token, with changes. */
function orderDetail(changes: object = {}) {
  const parsed = parseAuthorizationDetail({
    type: 'urn:countersign:rar:v1:trade_order',
    locations: [`${world.issuer}/venues`],
    actions: ['create'],
    entity_lei: operator,
    mandate_id: `mnd_${'0'.repeat(25)}1`,
    idempotency_key: 'order-0001',
    not_after: new Date(world.clock.now() + 60_000).toISOString(),
    jurisdiction: 'DE',
    account: 'ACC-1',
    instrument: { dti: '4H95J0R2X', cfi: 'TMXXXX' },
    venue_mic: 'BINA',
    side: 'BUY',
    max_qty: '0.5',
    limit_price: { amount: '60000.1', ccy: 'USD' },
    max_notional: { amount: '31000', ccy: 'USD' },
    tif: 'GTC',
    capacity: 'DEAL',
    parties: [],
    client_order_id: 'C-1',
    ...changes,
  });
  if (!parsed.ok) throw new Error(parsed.detail);
  return parsed.value;
}

/** A caller with a token for this order, and the transaction in the given state. */
function submitted(detail = orderDetail(), state = 'submitted', id = trader): VenueCaller {
  const transaction = world.transaction();
  const intentDigest = digestOfIntent(detail);
  world.facts.set(transaction, {
    ...{
      id: transaction,
      state,
      version: 2,
      intentDigest,
      initiator: id,
      initiatorInstitution: operator,
      approvals: [],
    },
    intentType: detail.type,
    // An intent is plain JSON.
    intent: intentOf(detail) as unknown as Readonly<Record<string, Json>>,
    mandate: { id: `mnd_${'0'.repeat(25)}1`, version: 1 },
  } satisfies TransactionFacts);
  return { ...world.caller(id), transaction, intentDigest };
}
const place = (by: VenueCaller, detail: unknown = orderDetail(), node = secrets) =>
  node.broker.place('binance-main', detail, by, { send: false });

describe('the key broker', () => {
  it('signs the order of a submitted transaction, built from the intent alone', async () => {
    const by = submitted();
    const { request, order } = await place(by);
    expect(order).toBe(by.transaction);
    const [payload = '', signature] = request?.body.split('&signature=') ?? [];
    expect(createHmac('sha256', secret).update(payload).digest('hex')).toBe(signature);
    expect(request).toMatchObject({ method: 'POST', url: 'https://api.binance.com/api/v3/order' });
    expect(Object.fromEntries(new URLSearchParams(payload))).toMatchObject({
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'LIMIT',
      timeInForce: 'GTC',
      quantity: '0.5',
      price: '60000.1',
      newClientOrderId: by.transaction,
    });
    expect(world.records('venue.order-signed').at(-1)).toMatchObject({
      transaction: by.transaction,
      intent: by.intentDigest,
      data: { key: 'binance-main', operation: 'place', path: '/api/v3/order' },
    });
    expect(JSON.stringify(world.log.records)).not.toContain(secret);
    expect(JSON.stringify(request)).not.toContain(secret);
  });

  it('refuses an order that differs from the token’s, and signs nothing', async () => {
    const by = submitted();
    const before = world.records('venue.order-signed').length;
    expect(await codeOf(place(by, orderDetail({ max_qty: '5' })))).toBe('venue_order_mismatch');
    expect(world.records('venue.refused').at(-1)).toMatchObject({
      reason: 'venue_order_mismatch',
      transaction: by.transaction,
    });
    expect(world.records('venue.order-signed')).toHaveLength(before);
  });

  it('refuses a withdrawal path in any spelling', async () => {
    const before = world.records('venue.request-signed').length;
    for (const path of ['/sapi/v1/capital/withdraw/apply', '/api/v3/order/../../sapi/v1/capital/withdraw/apply'])
      expect(
        await codeOf(
          secrets.broker.read('binance-main', { path, parameters: {} }, { ...world.caller(trader) }, { send: false }),
        ),
        path,
      ).toBe('venue_request_refused');
    expect(world.records('venue.refused').at(-1)).toMatchObject({ reason: 'venue_request_refused' });
    expect(world.records('venue.request-signed')).toHaveLength(before);
  });

  it('signs the order of a transaction once, even on two nodes', async () => {
    const by = submitted();
    const nodes = [secrets, world.node()];
    const outcomes = await Promise.all(
      nodes.flatMap((node) => [0, 1].map(() => codeOf(place(by, orderDetail(), node)).catch(() => 'signed'))),
    );
    expect(outcomes.filter((code) => code === 'venue_order_signed')).toHaveLength(3);
  });
});
