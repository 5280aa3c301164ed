import { brokerVenues } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requirePermitted } from './permitted-requests.ts';
import { type VenueOperation, type VenueRequest, venueForms } from './venues/index.ts';

const attempt = (venue: (typeof brokerVenues)[number], operation: VenueOperation, request: VenueRequest): string => {
  try {
    requirePermitted(venue, operation, request);
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
  return 'permitted';
};
const operations = ['place', 'cancel', 'read'] as const;
const methods = ['GET', 'POST', 'DELETE'] as const;
const carried = ['query', 'form', 'json'] as const;

/** Paths that move assets, change keys or reach sub-accounts, as the venues document them. */
const dangerous = [
  ...['/sapi/v1/capital/withdraw/apply', '/sapi/v1/asset/transfer', '/sapi/v1/account/apiRestrictions/ipRestriction'],
  ...['/sapi/v1/sub-account/universalTransfer', '/sapi/v1/asset/wallet/balance', '/wapi/v3/withdraw.html'],
  ...['/api/v2/private/withdraw', '/api/v2/private/submit_transfer_to_subaccount', '/api/v2/private/create_api_key'],
  ...['/0/private/Withdraw', '/0/private/WalletTransfer', '/0/private/AccountTransfer', '/0/private/CreateSubaccount'],
  ...['/api/v3/brokerage/portfolios/move_funds', '/v2/accounts/1/transactions', '/api/v3/brokerage/convert/quote'],
];
/** Spellings that other software may read as a dangerous path, or as a permitted one. */
const spellings: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => path.replaceAll('/', '//'),
  (path) => path.replaceAll('/', '%2f'),
  (path) => path.replaceAll('/', '%2F'),
  (path) => path.replaceAll('/', '%252f'),
  (path) => path.replaceAll('/', '\\'),
  (path) => path.toUpperCase(),
  (path) => path.replaceAll('w', '%77').replaceAll('W', '%57'),
  (path) => `${path}/`,
  (path) => `${path}?`,
  (path) => `${path}#`,
  (path) => `${path};v=1`,
  (path) => `${path}%00`,
  (path) => `/api/v3/order/..${path}`,
  (path) => `/api/v3/order/../..${path}`,
  (path) => `/api/v3/order/%2e%2e/%2e%2e${path}`,
  (path) => `/0/private/AddOrder/..;${path}`,
  (path) => `/.${path}`,
  (path) => path.replace('/', '/\u200b'),
  (path) => path.replace('/', '\uff0f'),
];

describe('a venue key', () => {
  it.each(brokerVenues)(
    'signs at %s no path that moves assets or changes keys, in any spelling, method or place',
    (venue) => {
      for (const path of dangerous)
        for (const spell of spellings)
          for (const operation of operations)
            for (const method of methods)
              for (const carriedAs of carried)
                expect(
                  attempt(venue, operation, { method, path: spell(path), parameters: [], carriedAs }),
                  spell(path),
                ).toBe('venue_request_refused');
    },
  );

  it('signs no other spelling of a permitted path', () => {
    for (const venue of brokerVenues)
      for (const { operation, method, path } of venueForms[venue].endpoints)
        for (const spell of spellings.slice(1)) {
          const request = { method, path: spell(path), parameters: [], carriedAs: 'form' } as const;
          if (request.path !== path)
            expect(attempt(venue, operation, request), request.path).toBe('venue_request_refused');
        }
  });

  it('signs no permitted path with a query in a parameter, a repeated parameter, or an unknown one', () => {
    const request = (parameters: VenueRequest['parameters'], carriedAs: VenueRequest['carriedAs'] = 'query') =>
      ({ method: 'GET', path: '/api/v3/openOrders', parameters, carriedAs }) as const;
    expect(attempt('binance', 'read', request([['symbol', 'BTCUSDT']]))).toBe('permitted');
    const refused: readonly VenueRequest['parameters'][] = [
      [['symbol', 'BTCUSDT&coin=BTC']],
      [['symbol', 'BTCUSDT?address=1']],
      [['symbol', 'BTC USDT']],
      [['symbol', 'BTC%26coin=BTC']],
      [['symbol', '']],
      [['symbol', 'A'.repeat(513)]],
      [['symbol', 'BTC\nX-MBX-APIKEY: other']],
      [
        ['symbol', 'BTCUSDT'],
        ['symbol', 'ETHUSDT'],
      ],
      [['Symbol', 'BTCUSDT']],
      [['address', 'bc1q']],
      [['signature', 'mine']],
      [['timestamp', '1']],
      [['nonce', '1']],
    ];
    for (const parameters of refused)
      for (const carriedAs of ['query', 'form'] as const)
        expect(attempt('binance', 'read', request(parameters, carriedAs)), JSON.stringify(parameters)).toBe(
          'venue_request_refused',
        );
  });

  it('signs only paths of its own venue’s list', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...brokerVenues),
        fc.constantFrom(...operations),
        fc.constantFrom(...methods),
        fc.string({ unit: 'binary', maxLength: 60 }),
        (venue, operation, method, path) => {
          const isListed = venueForms[venue].endpoints.some(
            (known) => known.path === path && known.method === method && known.operation === operation,
          );
          const outcome = attempt(venue, operation, { method, path, parameters: [], carriedAs: 'query' });
          expect(outcome === 'permitted').toBe(isListed);
        },
      ),
    );
  });

  it('has lists that never name withdrawals, transfers or keys', () => {
    for (const venue of brokerVenues)
      for (const { path } of venueForms[venue].endpoints)
        expect(path).not.toMatch(/withdraw|transfer|sub-?account|api-?key|wallet|convert|deposit/i);
  });
});
