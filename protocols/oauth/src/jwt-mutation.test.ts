import { CodedError, type Json } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyAccessToken } from './access-token.ts';
import { verifyClientAssertion } from './client-assertion.ts';
import { verifyIdToken, verifyIdTokenHint } from './id-token.ts';
import { verifyIdentityAssertionGrant } from './identity-assertion-grant.ts';
import { verifyIntrospectionResponse } from './introspection-response.ts';
import { verifyAuthorizationResponse } from './jarm.ts';
import type { JsonObject } from './jws.ts';
import { verifyLogoutToken } from './logout-token.ts';
import { verifyRequestObject } from './request-object.ts';
import { audience, fullClaims, issuer, now, seconds } from './testing/access-tokens.ts';
import { encode, forge, makePair } from './testing/forge.ts';
import { makeIssuerKey } from './testing/issuer-keys.ts';
import { verifyTransactionToken } from './transaction-token.ts';

const key = makeIssuerKey();
const { keyOf } = key;
const keysOf = () => [{ kid: key.name.kid, key: key.key }];
const clientId = 'dashboard';
const partner = 'https://as.partner.example';
const times = { iat: seconds, exp: seconds + 60 };
const idToken = {
  ...times,
  iss: issuer,
  sub: 'person:1',
  aud: clientId,
  auth_time: seconds,
  amr: ['hwk'],
  acr: 'urn:a',
};

interface Kind {
  readonly name: string;
  readonly typ: string;
  readonly claims: JsonObject;
  readonly verify: (token: string) => Promise<unknown>;
}

const kinds: readonly Kind[] = [
  {
    name: 'access token',
    typ: 'at+jwt',
    claims: fullClaims(key.key.thumbprint),
    verify: async (token) =>
      verifyAccessToken(token, { issuer, acceptsAudience: (asked) => asked === audience, keyOf, now }),
  },
  {
    name: 'client assertion',
    typ: 'client-authentication+jwt',
    claims: { ...times, iss: clientId, sub: clientId, aud: issuer, jti: 'j-1' },
    verify: async (token) => verifyClientAssertion(token, { issuer, keysOf, now }),
  },
  {
    name: 'request object',
    typ: 'oauth-authz-req+jwt',
    claims: { iss: clientId, client_id: clientId, aud: [issuer], nbf: seconds, exp: seconds + 60, scope: 'openid' },
    verify: async (token) => verifyRequestObject(token, { issuer, clientId, keysOf, now }),
  },
  {
    name: 'authorization response',
    typ: 'JWT',
    claims: { iss: issuer, aud: clientId, exp: seconds + 60, code: 'c', state: 's' },
    verify: async (token) => verifyAuthorizationResponse(token, { issuer, clientId, keyOf, now }),
  },
  {
    name: 'ID token',
    typ: 'JWT',
    claims: idToken,
    verify: async (token) => verifyIdToken(token, { issuer, clientId, keyOf, now }),
  },
  {
    name: 'ID token hint',
    typ: 'JWT',
    claims: idToken,
    verify: async (token) => verifyIdTokenHint(token, { issuer, keyOf, now }),
  },
  {
    name: 'logout token',
    typ: 'logout+jwt',
    claims: {
      ...times,
      iss: issuer,
      aud: clientId,
      jti: 'j-1',
      sid: 's',
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    },
    verify: async (token) => verifyLogoutToken(token, { issuer, clientId, keyOf, now }),
  },
  {
    name: 'introspection response',
    typ: 'token-introspection+jwt',
    claims: { iss: issuer, aud: clientId, iat: seconds, token_introspection: { active: true, sub: 'person:1' } },
    verify: async (token) => verifyIntrospectionResponse(token, { issuer, audience: clientId, keyOf, now }),
  },
  {
    name: 'transaction token',
    typ: 'txntoken+jwt',
    claims: { ...times, iss: issuer, aud: 'd', txn: 't', sub: 'person:1', scope: 'a', req_wl: 'w', tctx: {}, rctx: {} },
    verify: async (token) => verifyTransactionToken(token, { issuer, trustDomain: 'd', keyOf, now }),
  },
  {
    name: 'identity assertion grant',
    typ: 'oauth-id-jag+jwt',
    claims: {
      ...times,
      iss: partner,
      sub: 'U1',
      aud: issuer,
      jti: 'j-1',
      client_id: clientId,
      scope: 'a',
      resource: ['urn:a'],
      act: { sub: 'b' },
      cnf: { jkt: key.key.thumbprint },
    },
    verify: async (token) =>
      verifyIdentityAssertionGrant(token, {
        issuer: partner,
        audience: issuer,
        clientId,
        proofKey: key.key.thumbprint,
        keyOf,
        now,
      }),
  },
];

/** One edit of a text: replaces some characters from `at` on. */
const edit = fc.record({
  at: fc.nat({ max: 4_000 }),
  removed: fc.nat({ max: 3 }),
  inserted: fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.base64String({ maxLength: 4 }),
    fc.constantFrom('.', '=', '-', ''),
  ),
});

function applyEdit(text: string, { at, removed, inserted }: { at: number; removed: number; inserted: string }): string {
  const place = at % (text.length + 1);
  return text.slice(0, place) + inserted + text.slice(place + removed);
}

/** A claim set with one claim changed, added or removed. */
function changeOf(claims: JsonObject) {
  const names = fc.oneof(
    fc.constantFrom(...Object.keys(claims), 'sub', 'aud', 'iat', 'nbf', 'exp', 'act', 'cnf', 'events', '__proto__'),
    fc.string({ maxLength: 8 }),
  );
  return fc
    .tuple(names, fc.option(fc.jsonValue(), { nil: undefined }))
    .map(
      ([name, value]): Readonly<Record<string, Json | undefined>> => ({ ...claims, [name]: value as Json | undefined }),
    );
}

describe.each(kinds)('a valid $name', ({ typ, claims, verify }) => {
  const token = key.forge(typ, claims);
  const [head = '', body = '', signature = ''] = token.split('.');

  it('verifies', async () => {
    expect(await verify(token)).toBeDefined();
  });

  it('no longer verifies after any edit of its text, and gives a code', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const changed = edits.reduce(applyEdit, token);
        fc.pre(changed !== token);
        await expect(verify(changed)).rejects.toThrow(CodedError);
      }),
      { numRuns: 200 },
    );
  });

  it('no longer verifies with other claims or another header under its old signature', async () => {
    await fc.assert(
      fc.asyncProperty(changeOf(claims), fc.jsonValue(), async (changed, header) => {
        const payload = encode(changed);
        fc.pre(payload !== body);
        await expect(verify(`${head}.${payload}.${signature}`)).rejects.toThrow(CodedError);
        await expect(verify(`${encode(JSON.stringify(header))}.${body}.${signature}`)).rejects.toThrow(CodedError);
      }),
      { numRuns: 100 },
    );
  });

  it('no longer verifies if another key signs for the one it names', async () => {
    const thief = makePair();
    await fc.assert(
      fc.asyncProperty(changeOf(claims), async (changed) => {
        const forged = forge(thief, { alg: 'ES256', typ, kid: key.name.kid }, changed);
        await expect(verify(forged)).rejects.toThrow(CodedError);
      }),
      { numRuns: 50 },
    );
  });

  it('with other claims and a valid signature is accepted or refused with a code, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(changeOf(claims), async (changed) => {
        try {
          expect(await verify(key.forge(typ, changed))).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
      { numRuns: 100 },
    );
  });
});
