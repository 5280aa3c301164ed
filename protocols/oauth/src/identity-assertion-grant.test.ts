import { describe, expect, it } from 'vitest';
import {
  type IdentityAssertionGrantClaims,
  identityAssertionGrantHeader,
  jwtAuthorizationGrantHeader,
  signIdentityAssertionGrant,
  signJwtAuthorizationGrant,
  verifyIdentityAssertionGrant,
} from './identity-assertion-grant.ts';
import type { Thumbprint } from './key-cache.ts';
import { fullClaims } from './testing/access-tokens.ts';
import { makeIssuerKey } from './testing/issuer-keys.ts';

const issuer = 'https://idp.partner.example';
const audience = 'https://as.example';
const clientId = 'oms';
const now = 1_800_000_000_000;
const seconds = now / 1000;
const key = makeIssuerKey();
const proofKey = key.key.thumbprint;
const claims: IdentityAssertionGrantClaims = {
  iss: issuer,
  sub: 'U019488227',
  aud: audience,
  client_id: clientId,
  jti: 'g-1',
  iat: seconds,
  exp: seconds + 300,
};
const orders = fullClaims(proofKey)['authorization_details'];

function verify(text: string, more: { readonly proofKey?: Thumbprint; readonly issuer?: string } = {}) {
  return verifyIdentityAssertionGrant(text, { issuer, audience, clientId, now, keyOf: key.keyOf, ...more });
}

describe('an identity assertion grant', () => {
  it('returns what it delegates and how long its id must be remembered', async () => {
    const text = await signIdentityAssertionGrant(claims, identityAssertionGrantHeader(key.name), key.sign);
    expect(verify(text)).toEqual({
      issuer,
      subject: 'U019488227',
      jti: 'g-1',
      expiresAt: now + 310_000,
      scope: [],
      resources: [],
      actors: [],
    });
  });

  it('returns every limit and everything about the sign-in', () => {
    const full = {
      ...claims,
      scope: 'order:create order:cancel',
      resource: ['https://venue.example/orders'],
      authorization_details: orders,
      act: { sub: 'agent:vwap-1', act: { sub: 'service:oms' } },
      auth_time: seconds - 5,
      acr: 'urn:example:hardware',
      amr: ['hwk'],
      cnf: { jkt: proofKey },
      email: 'ignored@example',
    };
    expect(verify(key.forge('oauth-id-jag+jwt', full), { proofKey })).toMatchObject({
      scope: ['order:create', 'order:cancel'],
      resources: ['https://venue.example/orders'],
      authorizationDetails: orders,
      actors: ['agent:vwap-1', 'service:oms'],
      authTime: seconds - 5,
      acr: 'urn:example:hardware',
      amr: ['hwk'],
      jkt: proofKey,
    });
  });

  it('may have its one audience in an array, and its one resource as a string', () => {
    const text = key.forge('oauth-id-jag+jwt', {
      ...claims,
      aud: [audience],
      resource: 'https://venue.example/orders',
    });
    expect(verify(text).resources).toEqual(['https://venue.example/orders']);
  });

  it('of our own is not redeemed here, even if valid', () => {
    const own = key.forge('oauth-id-jag+jwt', { ...claims, iss: audience });
    expect(() => verify(own, { issuer: audience })).toThrow(
      expect.objectContaining({ code: 'authorization_grant_issuer' }),
    );
  });

  it.each([
    ['iss differs', { iss: 'https://evil.example' }, 'authorization_grant_issuer'],
    ['it is for another server', { aud: 'https://elsewhere.example' }, 'authorization_grant_audience'],
    ['it is for us and another', { aud: [audience, 'https://e.example'] }, 'authorization_grant_audience'],
    ['its audience is an empty array', { aud: [] }, 'authorization_grant_audience'],
    ['its audience is our token endpoint', { aud: `${audience}/token` }, 'authorization_grant_audience'],
    ['it is for another client', { client_id: 'other' }, 'authorization_grant_client'],
    ['client_id is missing', { client_id: undefined }, 'authorization_grant_client'],
    ['it has expired', { iat: seconds - 300, exp: seconds }, 'authorization_grant_expired'],
    ['it lives for more than five minutes', { exp: seconds + 301 }, 'authorization_grant_time'],
    ['iat is missing', { iat: undefined }, 'authorization_grant_time'],
    ['jti is missing', { jti: undefined }, 'authorization_grant_claims'],
    ['sub is missing', { sub: undefined }, 'authorization_grant_claims'],
    ['it names a tenant', { tenant: 't-1' }, 'authorization_grant_tenant'],
    ['it names a tenant of ours', { aud_tenant: 't-1' }, 'authorization_grant_tenant'],
    ['scope is a list', { scope: ['a'] }, 'authorization_grant_claims'],
    ['scope is empty', { scope: '' }, 'authorization_grant_claims'],
    ['resource is a number', { resource: 5 }, 'authorization_grant_claims'],
    ['there are 17 resources', { resource: Array(17).fill('urn:a') }, 'authorization_grant_claims'],
    ['its details are of an unknown type', { authorization_details: [{ type: 'x' }] }, 'authorization_grant_claims'],
    ['its details are empty', { authorization_details: [] }, 'authorization_grant_claims'],
    ['act has more than sub and act', { act: { sub: 'a', iss: 'b' } }, 'authorization_grant_claims'],
    ['act is null', { act: null }, 'authorization_grant_claims'],
    [
      'act is deeper than four',
      { act: { sub: 'a', act: { sub: 'b', act: { sub: 'c', act: { sub: 'd', act: { sub: 'e' } } } } } },
      'authorization_grant_claims',
    ],
    ['auth_time is text', { auth_time: 'x' }, 'authorization_grant_claims'],
    ['cnf is another confirmation', { cnf: { 'x5t#S256': 'A'.repeat(43) } }, 'authorization_grant_claims'],
    ['cnf has more than jkt', { cnf: { jkt: proofKey, kid: 'x' } }, 'authorization_grant_claims'],
    ['cnf is empty', { cnf: {} }, 'authorization_grant_claims'],
    ['it is bound to another key', { cnf: { jkt: 'A'.repeat(43) } }, 'authorization_grant_binding'],
  ])('is refused when %s', (_, change, code) => {
    expect(() => verify(key.forge('oauth-id-jag+jwt', { ...claims, ...change }), { proofKey })).toThrow(
      expect.objectContaining({ code, category: 'invalid' }),
    );
  });

  it('that is bound is refused without a proof', () => {
    expect(() => verify(key.forge('oauth-id-jag+jwt', { ...claims, cnf: { jkt: proofKey } }))).toThrow(
      expect.objectContaining({ code: 'authorization_grant_binding' }),
    );
  });

  it.each([undefined, 'JWT', 'at+jwt', 'authorization-grant+jwt', 'oauth-id-jag'])(
    'is refused with the typ %s',
    (typ) => {
      expect(() => verify(key.forge(typ, claims))).toThrow(
        expect.objectContaining({ code: 'authorization_grant_type' }),
      );
    },
  );

  it('and a JWT authorization grant of the same server are not accepted for each other', async () => {
    const { client_id: _client, ...plain } = claims;
    const grant = await signJwtAuthorizationGrant(plain, jwtAuthorizationGrantHeader(key.name), key.sign);
    expect(JSON.parse(Buffer.from(grant.split('.')[0] ?? '', 'base64url').toString())).toEqual({
      alg: 'ES256',
      typ: 'authorization-grant+jwt',
      kid: key.name.kid,
    });
    expect(() => verify(grant)).toThrow(expect.objectContaining({ code: 'authorization_grant_type' }));
  });
});
