import { isCodedError, type Json } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { verifyAccessToken } from './access-token.ts';
import { verifyClientAssertion } from './client-assertion.ts';
import { verifyProof } from './dpop.ts';
import { verifyIdToken } from './id-token.ts';
import { verifyIdentityAssertionGrant } from './identity-assertion-grant.ts';
import { verifyIntrospectionResponse } from './introspection-response.ts';
import { verifyAuthorizationResponse } from './jarm.ts';
import type { JsonObject } from './jws.ts';
import { createKeyCache, importVerificationKey } from './key-cache.ts';
import { verifyLogoutToken } from './logout-token.ts';
import { verifyRequestObject } from './request-object.ts';
import { verifyRevocationList } from './revocation-list.ts';
import { audience, fullClaims, issuer, now, seconds } from './testing/access-tokens.ts';
import { forge, makePair } from './testing/forge.ts';
import { verifyTransactionToken } from './transaction-token.ts';

/**
 * The worst case for confusion: one key signs every kind of token, for the server, the client and the partner, and every
 * verifier trusts it. Verifiers can then distinguish tokens only by their kind.
 */
const pair = makePair('ES256');
const key = importVerificationKey(pair.jwk);
const keyOf = () => key;
const keysOf = () => [{ kid: key.thumbprint, key }];
const proofKeys = createKeyCache();
const clientId = 'vwap-engine';
const partner = 'https://as.partner.example';
const url = 'https://as.example/token';
const times = { iat: seconds, exp: seconds + 60 };
const jti = 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3';

interface Kind {
  /** The types that its verifier accepts. */
  readonly types: readonly (string | undefined)[];
  /** Claims with which its verifier accepts it. */
  readonly claims: JsonObject;
  readonly verify: (token: string) => Promise<unknown>;
}

const kinds: Readonly<Record<string, Kind>> = {
  'client assertion': {
    types: ['client-authentication+jwt', 'JWT', undefined],
    claims: { ...times, iss: clientId, sub: clientId, aud: issuer, jti },
    verify: async (token) => verifyClientAssertion(token, { issuer, keysOf, now }),
  },
  'DPoP proof': {
    types: ['dpop+jwt'],
    claims: { iat: seconds, jti, htm: 'POST', htu: url },
    verify: async (token) => verifyProof([token], { method: 'POST', url, keys: proofKeys, now }),
  },
  'access token': {
    types: ['at+jwt', 'application/at+jwt'],
    claims: fullClaims(key.thumbprint),
    verify: async (token) =>
      verifyAccessToken(token, { issuer, acceptsAudience: (asked) => asked === audience, keyOf, now }),
  },
  'request object': {
    types: ['oauth-authz-req+jwt', 'JWT', undefined],
    claims: {
      iss: clientId,
      aud: issuer,
      client_id: clientId,
      nbf: seconds,
      exp: seconds + 60,
      response_type: 'code',
      scope: 'openid',
    },
    verify: async (token) => verifyRequestObject(token, { issuer, clientId, keysOf, now }),
  },
  'authorization response': {
    types: ['JWT', undefined],
    claims: { iss: issuer, aud: clientId, exp: seconds + 60, code: 'code', state: 'state' },
    verify: async (token) => verifyAuthorizationResponse(token, { issuer, clientId, keyOf, now }),
  },
  'ID token': {
    types: ['JWT', undefined],
    claims: { ...times, iss: issuer, sub: 'person:anna', aud: clientId, auth_time: seconds, sid: 'session' },
    verify: async (token) => verifyIdToken(token, { issuer, clientId, keyOf, now }),
  },
  'logout token': {
    types: ['logout+jwt'],
    claims: {
      ...times,
      iss: issuer,
      aud: clientId,
      jti,
      sid: 'session',
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    },
    verify: async (token) => verifyLogoutToken(token, { issuer, clientId, keyOf, now }),
  },
  'introspection response': {
    types: ['token-introspection+jwt'],
    claims: { iss: issuer, aud: clientId, iat: seconds, token_introspection: { active: true, sub: 'person:anna' } },
    verify: async (token) => verifyIntrospectionResponse(token, { issuer, audience: clientId, keyOf, now }),
  },
  'revocation list': {
    types: ['revocation-list+jwt'],
    claims: { ...times, iss: issuer, version: 1, entries: [] },
    verify: async (token) => verifyRevocationList(token, { issuer, keyOf, now }),
  },
  'transaction token': {
    types: ['txntoken+jwt'],
    claims: {
      ...times,
      iss: issuer,
      aud: audience,
      txn: 't-1',
      sub: 'person:anna',
      scope: 'order:create',
      req_wl: 'w',
    },
    verify: async (token) => verifyTransactionToken(token, { issuer, trustDomain: audience, keyOf, now }),
  },
  'identity assertion grant': {
    types: ['oauth-id-jag+jwt'],
    claims: { ...times, iss: partner, sub: 'person:anna', aud: issuer, jti, client_id: clientId },
    verify: async (token) =>
      verifyIdentityAssertionGrant(token, { issuer: partner, audience: issuer, clientId, keyOf, now }),
  },
};

/** Token types that other packages verify, or that Countersign does not use. */
const foreignTypes = [
  'countersign-approval+jwt',
  'secevent+jwt',
  'authorization-grant+jwt',
  'statuslist+jwt',
  'wpt+jwt',
];
const everyType = [...new Set([...Object.values(kinds).flatMap(({ types }) => types), ...foreignTypes])];

/** A proof contains its key; every other verifier would already refuse a token for that. */
/** RFC 7515 section 4.1.9. */
function spellings(typ: string | undefined): readonly (string | undefined)[] {
  if (typ === undefined) return [typ];
  const bare = typ.replace(/^application\//, '');
  return [typ, bare.toUpperCase(), bare.toLowerCase(), `application/${bare}`];
}

function tokenOf(typ: string | undefined, claims: JsonObject, verifier: string): string {
  const where = verifier === 'DPoP proof' ? { jwk: pair.jwk } : { kid: key.thumbprint };
  return forge(pair, { alg: 'ES256', typ, ...where }, claims);
}

async function accepts(verify: Kind['verify'], token: string): Promise<boolean> {
  try {
    await verify(token);
    return true;
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return false;
  }
}

const named = Object.entries(kinds).map(([name, kind]) => ({ name, kind }));
const others = named.flatMap((sent) => named.filter((to) => to !== sent).map((to) => ({ sent, to })));

describe('every kind of token at every verifier', () => {
  it.each(named)(
    'each $name is accepted under each of its types, in any case and with the optional prefix',
    async ({ name, kind }) => {
      for (const typ of kind.types.flatMap(spellings))
        expect(await kind.verify(tokenOf(typ, kind.claims, name))).toBeDefined();
    },
  );

  it.each(others)('a valid $sent.name is not accepted as $to.name', async ({ sent, to }) => {
    for (const typ of sent.kind.types)
      for (const name of [sent.name, to.name])
        expect(await accepts(to.kind.verify, tokenOf(typ, sent.kind.claims, name))).toBe(false);
  });

  const wrongTypes = named.flatMap((to) =>
    everyType.filter((typ) => !to.kind.types.includes(typ)).map((typ) => ({ to, typ })),
  );
  it.each(wrongTypes)(
    'a token of type $typ is not accepted as $to.name, even with the right claims',
    async ({ to, typ }) => {
      await expect(to.kind.verify(tokenOf(typ, to.kind.claims, to.name))).rejects.toThrow(
        expect.objectContaining({ code: expect.stringMatching(/_type$/) }),
      );
    },
  );

  it.each(everyType.map((typ) => ({ typ })))('no token of type $typ is accepted as two kinds', async ({ typ }) => {
    for (const { sent, to } of others) {
      const both: { readonly [name: string]: Json } = { ...sent.kind.claims, ...to.kind.claims };
      const taken = await Promise.all(named.map(({ name, kind }) => accepts(kind.verify, tokenOf(typ, both, name))));
      expect(taken.filter(Boolean).length).toBeLessThanOrEqual(1);
    }
  });
});
