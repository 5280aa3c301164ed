import { secretsErrors } from '@countersign/contracts';
import { membersOf } from '@countersign/kernel';
import type { TimeInForce } from '@countersign/market';
import { encodeForm, type VenueForm } from './venue-form.ts';

const timesInForce: Readonly<Partial<Record<TimeInForce, string>>> = {
  DAY: 'good_til_day',
  GTC: 'good_til_cancelled',
  IOC: 'immediate_or_cancel',
  FOK: 'fill_or_kill',
};
const orderParameters = ['instrument_name', 'amount', 'type', 'price', 'time_in_force', 'label'];

/** Deribit (REST): HMAC-SHA-256 over time, nonce, method, address and body. */
export const deribit: VenueForm = {
  bindsOrder: true,
  endpoints: [
    { operation: 'place', method: 'GET', path: '/api/v2/private/buy', parameters: orderParameters },
    { operation: 'place', method: 'GET', path: '/api/v2/private/sell', parameters: orderParameters },
    { operation: 'cancel', method: 'GET', path: '/api/v2/private/cancel_by_label', parameters: ['label'] },
    {
      operation: 'read',
      method: 'GET',
      path: '/api/v2/private/get_order_state_by_label',
      parameters: ['currency', 'label'],
    },
    { operation: 'read', method: 'GET', path: '/api/v2/private/get_open_orders', parameters: [] },
    { operation: 'read', method: 'GET', path: '/api/v2/private/get_account_summary', parameters: ['currency'] },
    { operation: 'read', method: 'GET', path: '/api/v2/private/get_positions', parameters: ['currency'] },
  ],
  place({ symbol, side, quantity, price, timeInForce, clientOrderId }) {
    const named = timesInForce[timeInForce];
    if (price !== undefined && named === undefined)
      throw secretsErrors.error('venue_order_invalid', `Deribit has no time in force ${timeInForce}.`);
    return {
      method: 'GET',
      path: side === 'BUY' ? '/api/v2/private/buy' : '/api/v2/private/sell',
      carriedAs: 'query',
      parameters: [
        ['instrument_name', symbol],
        ['amount', quantity],
        ['type', price === undefined ? 'market' : 'limit'],
        ...(price === undefined
          ? []
          : ([
              ['price', price],
              ['time_in_force', named ?? ''],
            ] as const)),
        ['label', clientOrderId],
      ],
    };
  },
  cancel: ({ clientOrderId }) => ({
    method: 'GET',
    path: '/api/v2/private/cancel_by_label',
    carriedAs: 'query',
    parameters: [['label', clientOrderId]],
  }),
  sign({ method, path, parameters }, signer, { baseUrl, apiKey, now, nonce }) {
    const query = encodeForm(parameters);
    const uri = query === '' ? path : `${path}?${query}`;
    const signed = `${now}\n${nonce}\n${method}\n${uri}\n\n`;
    const signature = signer.hmac('sha256', signed, 'text').toString('hex');
    return {
      method,
      url: `${baseUrl}${uri}`,
      headers: { authorization: `deri-hmac-sha256 id=${apiKey},ts=${now},nonce=${nonce},sig=${signature}` },
      body: '',
    };
  },
  probe: {
    // The answer also contains a token, which is discarded.
    request(signer, { baseUrl, apiKey, now, nonce }) {
      const query = encodeForm([
        ['grant_type', 'client_signature'],
        ['client_id', apiKey],
        ['timestamp', String(now)],
        ['nonce', nonce.toString()],
        ['signature', signer.hmac('sha256', `${now}\n${nonce}\n`, 'text').toString('hex')],
      ]);
      return { method: 'GET', url: `${baseUrl}/api/v2/public/auth?${query}`, headers: {}, body: '' };
    },
    isTradeOnly(answer) {
      const scope = membersOf(membersOf(answer)?.['result'])?.['scope'];
      if (typeof scope !== 'string') return false;
      const scopes = scope.split(' ');
      return scopes.includes('wallet:none') && !scopes.includes('account:read_write');
    },
  },
};
