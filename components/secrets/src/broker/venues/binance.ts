import { secretsErrors } from '@countersign/contracts';
import { membersOf } from '@countersign/kernel';
import type { TimeInForce } from '@countersign/market';
import { encodeForm, type VenueForm } from './venue-form.ts';

const timesInForce: Readonly<Partial<Record<TimeInForce, string>>> = { GTC: 'GTC', IOC: 'IOC', FOK: 'FOK' };
/** Milliseconds for which Binance accepts the request. */
const receiveWindow = '5000';

/** Binance Spot (REST): HMAC-SHA-256 in hexadecimal or Ed25519 in base64 over the parameters exactly as they are sent. */
export const binance: VenueForm = {
  bindsOrder: true,
  endpoints: [
    {
      operation: 'place',
      method: 'POST',
      path: '/api/v3/order',
      parameters: ['symbol', 'side', 'type', 'timeInForce', 'quantity', 'price', 'newClientOrderId'],
    },
    { operation: 'cancel', method: 'DELETE', path: '/api/v3/order', parameters: ['symbol', 'origClientOrderId'] },
    { operation: 'read', method: 'GET', path: '/api/v3/order', parameters: ['symbol', 'origClientOrderId'] },
    { operation: 'read', method: 'GET', path: '/api/v3/openOrders', parameters: ['symbol'] },
    { operation: 'read', method: 'GET', path: '/api/v3/account', parameters: [] },
    { operation: 'read', method: 'GET', path: '/api/v3/myTrades', parameters: ['symbol', 'orderId', 'startTime'] },
  ],
  place({ symbol, side, quantity, price, timeInForce, clientOrderId }) {
    const named = timesInForce[timeInForce];
    if (price !== undefined && named === undefined)
      throw secretsErrors.error('venue_order_invalid', `Binance has no time in force ${timeInForce}.`);
    return {
      method: 'POST',
      path: '/api/v3/order',
      carriedAs: 'form',
      parameters: [
        ['symbol', symbol],
        ['side', side],
        ...(price === undefined
          ? ([
              ['type', 'MARKET'],
              ['quantity', quantity],
            ] as const)
          : ([
              ['type', 'LIMIT'],
              ['timeInForce', named ?? ''],
              ['quantity', quantity],
              ['price', price],
            ] as const)),
        ['newClientOrderId', clientOrderId],
      ],
    };
  },
  cancel: ({ symbol, clientOrderId }) => ({
    method: 'DELETE',
    path: '/api/v3/order',
    carriedAs: 'query',
    parameters: [
      ['symbol', symbol],
      ['origClientOrderId', clientOrderId],
    ],
  }),
  sign({ method, path, parameters, carriedAs }, signer, { baseUrl, apiKey, now }) {
    const payload = encodeForm([...parameters, ['recvWindow', receiveWindow], ['timestamp', String(now)]]);
    const signature =
      signer.algorithm === 'hmac'
        ? signer.hmac('sha256', payload, 'text').toString('hex')
        : encodeURIComponent(signer.sign(payload).toString('base64'));
    const signed = `${payload}&signature=${signature}`;
    const inBody = carriedAs === 'form';
    return {
      method,
      url: `${baseUrl}${path}${inBody ? '' : `?${signed}`}`,
      headers: {
        'x-mbx-apikey': apiKey,
        ...(inBody ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      },
      body: inBody ? signed : '',
    };
  },
  probe: {
    request: (signer, moment) =>
      binance.sign(
        { method: 'GET', path: '/sapi/v1/account/apiRestrictions', carriedAs: 'query', parameters: [] },
        signer,
        moment,
      ),
    isTradeOnly(answer) {
      const rights = membersOf(answer) ?? {};
      const moving = ['enableWithdrawals', 'enableInternalTransfer', 'permitsUniversalTransfer'];
      return moving.every((name) => rights[name] === false);
    },
  },
};
