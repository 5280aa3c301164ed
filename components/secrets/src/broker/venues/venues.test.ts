import { createHash, createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import type { BrokerVenue, VenueAlgorithm } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { venueForms } from './index.ts';
import type { VenueOrder, VenueRequest } from './venue-form.ts';
import { createVenueSigner, importVenueKey, makeVenueKey } from './venue-signer.ts';

const order: VenueOrder = {
  symbol: 'BTCUSDT',
  side: 'BUY',
  quantity: '0.5',
  price: '60000.1',
  timeInForce: 'GTC',
  clientOrderId: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3',
};
const moment = (baseUrl: string, more: object = {}) => ({
  ...{ baseUrl, apiKey: 'key-1', now: 1_499_827_319_559, nonce: 1_616_492_376_594n },
  ...more,
});
const signed = (
  venue: BrokerVenue,
  request: VenueRequest,
  algorithm: VenueAlgorithm,
  value: Buffer,
  baseUrl = 'https://venue.example',
) => venueForms[venue].sign(request, createVenueSigner(algorithm, value), moment(baseUrl));

describe('Binance', () => {
  const secret = 'NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j';

  it('gets the signature that its documentation gives for its example', () => {
    // https://developers.binance.com/docs/binance-spot-api-docs/rest-api/endpoint-security-type
    const request: VenueRequest = {
      method: 'POST',
      path: '/api/v3/order',
      carriedAs: 'form',
      parameters: [
        ...([
          ['symbol', 'LTCBTC'],
          ['side', 'BUY'],
          ['type', 'LIMIT'],
          ['timeInForce', 'GTC'],
        ] as const),
        ...([
          ['quantity', '1'],
          ['price', '0.1'],
        ] as const),
      ],
    };
    const { body } = signed('binance', request, 'hmac', importVenueKey('hmac', secret));
    expect(body).toBe(
      'symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559' +
        '&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71',
    );
  });

  it('gets an Ed25519 signature over the parameters exactly as they are sent', () => {
    const { value, publicKey } = makeVenueKey('ed25519');
    const { url, headers, body } = signed('binance', venueForms.binance.cancel(order), 'ed25519', value);
    expect(headers).toEqual({ 'x-mbx-apikey': 'key-1' });
    expect(body).toBe('');
    const [payload = '', signature = ''] = (url.split('?')[1] ?? '').split('&signature=');
    const octets = Buffer.from(decodeURIComponent(signature), 'base64');
    expect(verify(null, Buffer.from(payload), createPublicKey(publicKey), octets)).toBe(true);
  });

  it('gets a market order without price and time in force, and no day orders', () => {
    const market = venueForms.binance.place({ ...order, price: undefined, timeInForce: 'DAY' });
    expect(Object.fromEntries(market.parameters)).toMatchObject({ type: 'MARKET', quantity: '0.5' });
    expect(Object.fromEntries(market.parameters)).not.toHaveProperty('price');
    expect(() => venueForms.binance.place({ ...order, timeInForce: 'DAY' })).toThrow('venue_order_invalid');
  });
});

describe('Kraken', () => {
  const secret = 'kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==';

  it('gets the signature that its documentation gives for its example', () => {
    // https://docs.kraken.com/api/docs/guides/spot-rest-auth
    const request: VenueRequest = {
      method: 'POST',
      path: '/0/private/AddOrder',
      carriedAs: 'form',
      parameters: [
        ['ordertype', 'limit'],
        ['pair', 'XBTUSD'],
        ['price', '37500'],
        ['type', 'buy'],
        ['volume', '1.25'],
      ],
    };
    const { headers, body } = signed('kraken', request, 'hmac', importVenueKey('hmac', secret));
    expect(body).toBe('nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25');
    expect(headers['api-sign']).toBe(
      '4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==',
    );
  });

  it('gets the order under a UUID without hyphens, the same in its cancellation', () => {
    const placed = Object.fromEntries(venueForms.kraken.place(order).parameters);
    expect(placed['cl_ord_id']).toMatch(/^[0-9a-f]{32}$/);
    expect(Object.fromEntries(venueForms.kraken.cancel(order).parameters)).toEqual({ cl_ord_id: placed['cl_ord_id'] });
  });
});

describe('Deribit', () => {
  it('gets an HMAC over time, nonce, method, address and body', () => {
    const value = importVenueKey('hmac', 'a-secret-of-the-venue');
    const request = venueForms.deribit.place({ ...order, side: 'SELL', symbol: 'BTC-PERPETUAL' });
    const { url, headers } = signed('deribit', request, 'hmac', value, 'https://www.deribit.com');
    const uri = url.slice('https://www.deribit.com'.length);
    expect(uri).toMatch(
      /^\/api\/v2\/private\/sell\?instrument_name=BTC-PERPETUAL&amount=0\.5&type=limit&price=60000\.1/,
    );
    const parts = new Map(
      (headers['authorization'] ?? '')
        .replace('deri-hmac-sha256 ', '')
        .split(',')
        .map((part) => part.split('=') as [string, string]),
    );
    const text = `${parts.get('ts')}\n${parts.get('nonce')}\nGET\n${uri}\n\n`;
    expect(createHmac('sha256', 'a-secret-of-the-venue').update(text).digest('hex')).toBe(parts.get('sig'));
  });
});

describe('Coinbase', () => {
  it.each(['es256', 'ed25519'] as const)(
    'gets a token of two minutes for one method, host and path (%s)',
    (algorithm) => {
      const { value, publicKey } = makeVenueKey(algorithm);
      const request = venueForms.coinbase.place(order);
      const { headers, body } = signed('coinbase', request, algorithm, value, 'https://api.coinbase.com');
      const [head = '', claims = '', signature = ''] = (headers['authorization'] ?? '')
        .replace('Bearer ', '')
        .split('.');
      const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
      expect(read(head)).toMatchObject({ alg: algorithm === 'es256' ? 'ES256' : 'EdDSA', kid: 'key-1' });
      expect(read(claims)).toMatchObject({ iss: 'cdp', uri: 'POST api.coinbase.com/api/v3/brokerage/orders' });
      expect(Number(read(claims)['exp']) - Number(read(claims)['nbf'])).toBe(120);
      const octets = Buffer.from(`${head}.${claims}`);
      const key = createPublicKey(publicKey);
      const isValid =
        algorithm === 'ed25519'
          ? verify(null, octets, key, Buffer.from(signature, 'base64url'))
          : verify('sha256', octets, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
      expect(isValid).toBe(true);
      expect(JSON.parse(body)).toEqual({
        client_order_id: order.clientOrderId,
        product_id: 'BTCUSDT',
        side: 'BUY',
        order_configuration: { limit_limit_gtc: { base_size: '0.5', limit_price: '60000.1' } },
      });
      expect(venueForms.coinbase.bindsOrder).toBe(false);
    },
  );
});

describe('a key that a venue has issued', () => {
  it('has the algorithm of its definition, and its text is in no error', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect(importVenueKey('ed25519', pem).length).toBeGreaterThan(30);
    expect(() => importVenueKey('es256', pem)).toThrow('secret_definition_invalid');
    const broken = pem.replace('MC4C', 'MC4X');
    try {
      importVenueKey('ed25519', broken);
      expect.unreachable();
    } catch (error) {
      expect(`${(error as Error).message} ${(error as Error).stack}`).not.toContain(pem.slice(30, 60));
    }
    expect(() => importVenueKey('hmac', 'short')).toThrow('secret_definition_invalid');
  });
});

it('digests of signed requests differ when any part differs', () => {
  const value = importVenueKey('hmac', 'a-secret-of-the-venue');
  const bodies = ['0.5', '0.50'].map(
    (quantity) => signed('binance', venueForms.binance.place({ ...order, quantity }), 'hmac', value).body,
  );
  expect(new Set(bodies.map((body) => createHash('sha256').update(body).digest('hex'))).size).toBe(2);
});
