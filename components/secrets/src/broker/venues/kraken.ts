import { createHash } from 'node:crypto';
import { secretsErrors } from '@countersign/contracts';
import type { TimeInForce } from '@countersign/market';
import { encodeForm, type VenueForm } from './venue-form.ts';

const timesInForce: Readonly<Partial<Record<TimeInForce, string>>> = { GTC: 'GTC', IOC: 'IOC' };

/**
 * Kraken Spot (REST): HMAC-SHA-512 over the path and the SHA-256 of nonce and body. The nonce of a key must always
 * increase.
 */
export const kraken: VenueForm = {
  bindsOrder: true,
  endpoints: [
    {
      operation: 'place',
      method: 'POST',
      path: '/0/private/AddOrder',
      parameters: ['ordertype', 'pair', 'price', 'timeinforce', 'type', 'volume', 'cl_ord_id'],
    },
    { operation: 'cancel', method: 'POST', path: '/0/private/CancelOrder', parameters: ['cl_ord_id'] },
    { operation: 'read', method: 'POST', path: '/0/private/OpenOrders', parameters: ['cl_ord_id'] },
    { operation: 'read', method: 'POST', path: '/0/private/ClosedOrders', parameters: ['cl_ord_id', 'start'] },
    { operation: 'read', method: 'POST', path: '/0/private/Balance', parameters: [] },
  ],
  place({ symbol, side, quantity, price, timeInForce, clientOrderId }) {
    const named = timesInForce[timeInForce];
    if (price !== undefined && named === undefined)
      throw secretsErrors.error('venue_order_invalid', `Kraken has no time in force ${timeInForce}.`);
    return {
      method: 'POST',
      path: '/0/private/AddOrder',
      carriedAs: 'form',
      parameters: [
        ['ordertype', price === undefined ? 'market' : 'limit'],
        ['pair', symbol],
        ...(price === undefined
          ? []
          : ([
              ['price', price],
              ['timeinforce', named ?? ''],
            ] as const)),
        ['type', side === 'BUY' ? 'buy' : 'sell'],
        ['volume', quantity],
        ['cl_ord_id', shortId(clientOrderId)],
      ],
    };
  },
  cancel: ({ clientOrderId }) => ({
    method: 'POST',
    path: '/0/private/CancelOrder',
    carriedAs: 'form',
    parameters: [['cl_ord_id', shortId(clientOrderId)]],
  }),
  sign({ method, path, parameters }, signer, { baseUrl, apiKey, nonce }) {
    const body = encodeForm([['nonce', nonce.toString()], ...parameters]);
    const digest = createHash('sha256').update(`${nonce}${body}`).digest();
    const signature = signer.hmac('sha512', Buffer.concat([Buffer.from(path), digest]), 'base64').toString('base64');
    return {
      method,
      url: `${baseUrl}${path}`,
      headers: {
        'api-key': apiKey,
        'api-sign': signature,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body,
    };
  },
};

/** Kraken accepts free text of 18 characters, or a UUID of 32 hexadecimal digits. */
function shortId(transaction: string): string {
  return createHash('sha256').update(transaction).digest('hex').slice(0, 32);
}
