import { secretsErrors } from '@countersign/contracts';
import { membersOf } from '@countersign/kernel';
import type { TimeInForce } from '@countersign/market';
import { encodeForm, type VenueForm, type VenueOrder } from './venue-form.ts';

/** Seconds for which Coinbase accepts a token. */
const lifetimeSeconds = 120;
const configurations: Readonly<Partial<Record<TimeInForce, string>>> = {
  GTC: 'limit_limit_gtc',
  IOC: 'sor_limit_ioc',
  FOK: 'limit_limit_fok',
};

/**
 * Coinbase Advanced Trade (REST): a JWT over method, host and path. It does not cover the body, so a caller with it
 * could place another order: the broker sends such requests itself.
 */
export const coinbase: VenueForm = {
  bindsOrder: false,
  endpoints: [
    {
      operation: 'place',
      method: 'POST',
      path: '/api/v3/brokerage/orders',
      parameters: ['client_order_id', 'product_id', 'side', 'order_configuration'],
    },
    {
      operation: 'read',
      method: 'GET',
      path: '/api/v3/brokerage/orders/historical/batch',
      parameters: ['product_ids'],
    },
    { operation: 'read', method: 'GET', path: '/api/v3/brokerage/accounts', parameters: [] },
  ],
  place(order) {
    const { symbol, side, clientOrderId } = order;
    const body = {
      client_order_id: clientOrderId,
      product_id: symbol,
      side,
      order_configuration: configurationOf(order),
    };
    return {
      method: 'POST',
      path: '/api/v3/brokerage/orders',
      carriedAs: 'json',
      parameters: Object.entries(body).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
      json: body,
    };
  },
  cancel() {
    throw secretsErrors.error(
      'venue_order_invalid',
      'Coinbase cancels by its own order id, which the broker does not know. Cancel the order at the venue.',
    );
  },
  sign({ method, path, parameters, carriedAs, json }, signer, { baseUrl, apiKey, now, nonce }) {
    const seconds = Math.floor(now / 1_000);
    const header = {
      alg: signer.algorithm === 'es256' ? 'ES256' : 'EdDSA',
      typ: 'JWT',
      kid: apiKey,
      nonce: nonce.toString(16),
    };
    const claims = {
      sub: apiKey,
      iss: 'cdp',
      nbf: seconds,
      exp: seconds + lifetimeSeconds,
      uri: `${method} ${new URL(baseUrl).host}${path}`,
    };
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const token = `${signed}.${signer.sign(signed).toString('base64url')}`;
    const query = carriedAs === 'query' ? encodeForm(parameters) : '';
    return {
      method,
      url: `${baseUrl}${path}${query === '' ? '' : `?${query}`}`,
      headers: {
        authorization: `Bearer ${token}`,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: json === undefined ? '' : JSON.stringify(json),
    };
  },
  probe: {
    request: (signer, moment) =>
      coinbase.sign(
        { method: 'GET', path: '/api/v3/brokerage/key_permissions', carriedAs: 'query', parameters: [] },
        signer,
        moment,
      ),
    isTradeOnly: (answer) => membersOf(answer)?.['can_transfer'] === false,
  },
};

function configurationOf({ price, quantity, timeInForce }: VenueOrder): object {
  if (price === undefined) return { market_market_ioc: { base_size: quantity } };
  const name = configurations[timeInForce];
  if (name === undefined)
    throw secretsErrors.error('venue_order_invalid', `Coinbase has no time in force ${timeInForce}.`);
  return { [name]: { base_size: quantity, limit_price: price } };
}
