import { CodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeIssuerKey } from './testing/issuer-keys.ts';
import {
  parseTransactionContext,
  signTransactionToken,
  type TransactionTokenClaims,
  transactionTokenHeader,
  verifyTransactionToken,
} from './transaction-token.ts';

const issuer = 'https://as.example';
const trustDomain = 'trading.example';
const now = 1_800_000_000_000;
const seconds = now / 1000;
const key = makeIssuerKey();
const claims: TransactionTokenClaims = {
  iss: issuer,
  aud: trustDomain,
  iat: seconds,
  exp: seconds + 60,
  txn: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3',
  sub: 'person:1',
  scope: 'order:create order:cancel',
  req_wl: 'oms',
  tctx: { side: 'BUY' },
  rctx: { req_ip: '192.0.2.1' },
};

function verify(token: string) {
  return verifyTransactionToken(token, { issuer, trustDomain, now, keyOf: key.keyOf });
}

describe('a transaction token', () => {
  it('carries its transaction through the trust domain', async () => {
    const token = await signTransactionToken(claims, transactionTokenHeader(key.name), key.sign);
    expect(verify(token)).toEqual({ claims, scope: ['order:create', 'order:cancel'] });
  });

  it('needs no context', () => {
    const { tctx: _tctx, rctx: _rctx, ...least } = claims;
    expect(verify(key.forge('txntoken+jwt', least)).claims).toEqual(least);
  });

  it.each([
    ['iss differs', { iss: 'https://evil.example' }, 'transaction_token_issuer'],
    ['it is for another trust domain', { aud: 'other.example' }, 'transaction_token_audience'],
    ['its audience is an array', { aud: [trustDomain] }, 'transaction_token_audience'],
    ['it has expired', { iat: seconds - 60, exp: seconds }, 'transaction_token_expired'],
    ['it lives for more than five minutes', { exp: seconds + 301 }, 'transaction_token_time'],
    ['iat is missing', { iat: undefined }, 'transaction_token_time'],
    ['iat is ahead', { iat: seconds + 11 }, 'transaction_token_time'],
    ['txn is missing', { txn: undefined }, 'transaction_token_claims'],
    ['sub is missing', { sub: undefined }, 'transaction_token_claims'],
    ['scope is missing', { scope: undefined }, 'transaction_token_claims'],
    ['scope is a list', { scope: ['a'] }, 'transaction_token_claims'],
    ['req_wl is missing', { req_wl: undefined }, 'transaction_token_claims'],
    ['req_wl is too long', { req_wl: 'x'.repeat(257) }, 'transaction_token_claims'],
    ['tctx is text', { tctx: 'x' }, 'transaction_token_claims'],
    ['rctx is null', { rctx: null }, 'transaction_token_claims'],
    ['it says azd, as earlier revisions did', { azd: {} }, 'transaction_token_claims'],
    ['it says purp, as earlier revisions did', { purp: 'x' }, 'transaction_token_claims'],
  ])('is refused when %s', (_, change, code) => {
    expect(() => verify(key.forge('txntoken+jwt', { ...claims, ...change }))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it.each([undefined, 'JWT', 'at+jwt', 'txn_token+jwt'])('is refused with the typ %s', (typ) => {
    expect(() => verify(key.forge(typ, claims))).toThrow(expect.objectContaining({ code: 'transaction_token_type' }));
  });
});

describe('the context of a request for a transaction token', () => {
  it('is a JSON object', () => {
    expect(parseTransactionContext('{"req_ip":"192.0.2.1"}', 'request_context')).toEqual({ req_ip: '192.0.2.1' });
  });

  it.each(['', '[]', 'null', '"x"', '{', '{"a":1,"a":2}', `{"a":"${'x'.repeat(4_096)}"}`])(
    'is refused in any other form',
    (text) => {
      expect(() => parseTransactionContext(text, 'request_details')).toThrow(
        expect.objectContaining({ code: 'transaction_context_malformed', facts: { parameter: 'request_details' } }),
      );
    },
  );

  it('never fails with anything but a coded error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        try {
          parseTransactionContext(text, 'request_context');
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
    );
  });
});
