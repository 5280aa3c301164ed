import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { BrokerVenue, TransactionFacts, VenueAlgorithm } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { digestOfIntent, intentOf, parseAuthorizationDetail } from '@countersign/market';
import { createLogger } from '@countersign/runtime';
import { codeOf, type SandboxVenue, startSandboxVenue } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createConfiguredExchange } from '../../../federation-gateway/src/index.ts';
import type { RunningSecrets } from '../index.ts';
import { ari, createSecretsWorld, olga, operator, type SecretsWorld } from '../testing/secrets-world.ts';
import type { VenueCaller, VenueResult } from './broker.ts';

// Sandbox venues verify signatures from their own documentation, not with the code that makes them.

let world: SecretsWorld;
let nodes: readonly [RunningSecrets, RunningSecrets];
const exchange = createConfiguredExchange({ logger: createLogger({ level: 'silent', name: 'test' }) });
const venues: SandboxVenue[] = [];
const trader = 'service:trader';

beforeAll(async () => {
  world = await createSecretsWorld();
  nodes = [world.node({ exchange }), world.node({ exchange })];
});
afterAll(async () => {
  await Promise.all(venues.map((venue) => venue.stop()));
  await exchange.stop();
  await world.close();
});

let count = 0;
/** Defines a key at a sandbox venue, approved by two people. */
async function defined(
  venue: BrokerVenue,
  algorithm: VenueAlgorithm,
  {
    mayWithdraw = false,
    probe = venue === 'kraken' ? 'waived' : 'required',
  }: { mayWithdraw?: boolean; probe?: 'required' | 'waived' } = {},
) {
  const name = `${venue}-${++count}`;
  const [apiKey, secret] = [`key-of-${name}`, randomBytes(48).toString('base64')];
  const { privateKey, publicKey } =
    algorithm === 'es256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  const [pem, spki] = [
    privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  ];
  const key = { name: apiKey, mayWithdraw, ...(algorithm === 'hmac' ? { secret } : { publicKey: spki }) };
  const sandbox = await startSandboxVenue(venue, { key, now: world.clock.now });
  venues.push(sandbox);
  const wanted = {
    ...({ kind: 'venue-key', change: 'define', name, holders: [trader] } as const),
    value: algorithm === 'hmac' ? secret : pem,
    venueKey: {
      ...{ venue, venueMic: 'VENU', baseUrl: sandbox.address, algorithm, apiKey, institution: operator, probe },
      accounts: ['ACC-1'],
      symbols: [{ instrument: '4H95J0R2X', currency: 'USD', symbol: 'BTC-USD' }],
    },
  };
  const { id, digest } = await nodes[0].propose(wanted, 'needed', olga);
  return { name, sandbox, secrets: [secret, pem], approve: () => nodes[0].approve(id, digest, ari) };
}

function submitted(changes: object = {}) {
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
    venue_mic: 'VENU',
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
  const detail = parsed.value;
  const transaction = world.transaction();
  const intentDigest = digestOfIntent(detail);
  world.facts.set(transaction, {
    ...{
      id: transaction,
      state: 'submitted',
      version: 2,
      intentDigest,
      initiator: trader,
      initiatorInstitution: operator,
    },
    ...{ approvals: [], intentType: detail.type, mandate: { id: `mnd_${'0'.repeat(25)}1`, version: 1 } },
    // An intent is plain JSON.
    intent: intentOf(detail) as unknown as Readonly<Record<string, Json>>,
  } satisfies TransactionFacts);
  return { detail, by: { ...world.caller(trader), transaction, intentDigest } satisfies VenueCaller };
}

/** Sends a signed request as its holder would. */
async function send({ request }: VenueResult): Promise<number> {
  if (request === undefined) throw new Error('there is no request to send');
  const { method, url, headers, body } = request;
  return (await fetch(url, { method, headers, ...(method === 'POST' ? { body } : {}) })).status;
}

const forms = [
  ['binance', 'hmac'],
  ['binance', 'ed25519'],
  ['kraken', 'hmac'],
  ['deribit', 'hmac'],
  ['coinbase', 'es256'],
  ['coinbase', 'ed25519'],
] as const;

describe.each(forms)('%s with %s', (venue, algorithm) => {
  it('accepts an order that the broker sends, with the values of the intent, and only once', async () => {
    const { name, sandbox, approve, secrets } = await defined(venue, algorithm);
    await approve();
    const { detail, by } = submitted();
    const { answer, request, order } = await nodes[0].broker.place(name, detail, by, { send: true });
    expect({ status: answer?.status, refused: sandbox.refused }).toEqual({ status: 200, refused: [] });
    expect(request).toBeUndefined();
    expect(order).toBe(by.transaction);
    expect(sandbox.orders).toMatchObject([{ symbol: 'BTC-USD', quantity: '0.5', price: '60000.1' }]);
    expect(sandbox.orders[0]?.side.toUpperCase()).toBe('BUY');
    expect(await codeOf(nodes[1].broker.place(name, detail, by, { send: true }))).toBe('venue_order_signed');
    expect(sandbox.orders).toHaveLength(1);
    for (const secret of secrets)
      expect(JSON.stringify([world.log.records, answer])).not.toContain(secret.slice(40, 80));
  });

  if (venue === 'coinbase')
    it('gives the caller no signature, because it would be valid for another order', async () => {
      const { name, sandbox, approve } = await defined(venue, algorithm);
      await approve();
      const { detail, by } = submitted();
      const { request, answer } = await nodes[0].broker.place(name, detail, by, { send: false });
      expect({ request, status: answer?.status }).toEqual({ request: undefined, status: 200 });
      expect(sandbox.orders).toHaveLength(1);
    });
  else
    it('accepts an order and its cancellation that the holder sends', async () => {
      const { name, sandbox, approve } = await defined(venue, algorithm);
      await approve();
      const { detail, by } = submitted({ side: 'SELL' });
      expect(await send(await nodes[0].broker.place(name, detail, by, { send: false }))).toBe(200);
      const cancelling = { ...world.caller(trader) };
      const cancelled = await nodes[1].broker.cancel(name, by.transaction, cancelling, { send: false });
      expect(await send(cancelled)).toBe(200);
      expect(sandbox.cancelled).toEqual(sandbox.orders.map(({ id }) => id));
      expect(sandbox.refused).toEqual([]);
    });
});

describe('a key that can do more than trade', () => {
  it.each([
    ['binance', 'hmac'],
    ['deribit', 'hmac'],
    ['coinbase', 'es256'],
  ] as const)('is refused because of the answer of %s, and the refusal is recorded', async (venue, algorithm) => {
    const { name, approve, sandbox } = await defined(venue, algorithm, { mayWithdraw: true });
    expect(await codeOf(approve())).toBe('venue_key_too_powerful');
    expect(world.records('access.refused').at(-1)).toMatchObject({
      reason: 'venue_key_too_powerful',
      subject: { id: ari.id },
    });
    const { detail, by } = submitted();
    expect(await codeOf(nodes[0].broker.place(name, detail, by, { send: true }))).toBe('secret_unknown');
    expect(sandbox.orders).toEqual([]);
  });

  it('is recorded as probed, or as waived where the approver can see it', async () => {
    await (await defined('binance', 'hmac')).approve();
    expect(world.records('secrets.approved').at(-1)?.data).toMatchObject({ probe: 'trade-only' });
    await (await defined('kraken', 'hmac')).approve();
    expect(world.records('secrets.approved').at(-1)?.data).toMatchObject({ probe: 'waived' });
    expect(await codeOf(defined('kraken', 'hmac', { probe: 'required' }))).toBe('secret_definition_invalid');
  });
});

describe('the nonces of a key', () => {
  it('increase on two nodes at once, even when the clock stands still', async () => {
    const { name, sandbox, approve } = await defined('kraken', 'hmac');
    await approve();
    const results: VenueResult[] = [];
    for (let round = 0; round < 5; round += 1)
      results.push(
        ...(await Promise.all(
          [0, 1, 2, 3].map((index) =>
            (index % 2 === 0 ? nodes[0] : nodes[1]).broker.read(
              name,
              { path: '/0/private/Balance', parameters: {} },
              world.caller(trader),
              { send: false },
            ),
          ),
        )),
      );
    const nonces = results.map(({ request }) => BigInt(new URLSearchParams(request?.body).get('nonce') ?? 0));
    expect(new Set(nonces).size).toBe(20);
    const byTime = results.toSorted((one, other) =>
      (new URLSearchParams(one.request?.body).get('nonce') ?? '') <
      (new URLSearchParams(other.request?.body).get('nonce') ?? '')
        ? -1
        : 1,
    );
    for (const result of byTime) expect(await send(result)).toBe(200);
    expect(sandbox.refused).toEqual([]);
    const [first] = byTime;
    if (first !== undefined) expect(await send(first)).toBe(400);
  });
});

describe('a venue that does not answer', () => {
  it('leaves the order signed once, and the caller is told to ask the venue', async () => {
    const { name, sandbox, approve } = await defined('binance', 'hmac');
    await approve();
    await sandbox.stop();
    const { detail, by } = submitted();
    expect(await codeOf(nodes[0].broker.place(name, detail, by, { send: true }))).toBe('venue_unavailable');
    expect(await codeOf(nodes[0].broker.place(name, detail, by, { send: true }))).toBe('venue_order_signed');
  });
});
