import { generateKeyPairSync } from 'node:crypto';
import { generateSigningKey } from '@countersign/sdk';
import {
  askingForToken,
  type Case,
  type ChangeFor,
  flow,
  introspect,
  lasting,
  machineToken,
  redeem,
  redeeming,
  refresh,
  refreshing,
  refreshTokenOf,
  revoke,
} from './differential-case.ts';
import { positions, quotes } from './differential-clients.ts';
import { type Observation, observe } from './differential-observation.ts';
import {
  assertionOf,
  compactJws,
  memberOf,
  proofOf,
  requestObjectOf,
  seconds,
  type TokenChange,
} from './differential-requests.ts';
import type { Side } from './differential-side.ts';
import { doors } from './firms.ts';

const strangeKey = generateSigningKey();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });

const proof = (name: string, change: TokenChange | ((side: Side) => TokenChange)): Case =>
  askingForToken(`DPoP proof: ${name}`, (side) => ({
    proofs: [proofOf(side, side.key('reader'), typeof change === 'function' ? change(side) : change)],
  }));

/** RFC 9449 section 4.3, check by check. */
const proofs: readonly Case[] = [
  askingForToken('DPoP proof: none', { proofs: [] }),
  askingForToken('DPoP proof: two', (side) => ({
    proofs: [proofOf(side, side.key('reader')), proofOf(side, side.key('reader'))],
  })),
  proof('text that is no JWT', { text: 'nonsense' }),
  proof('typ JWT', { header: { typ: 'JWT' } }),
  proof('no typ', { header: { typ: undefined } }),
  proof('alg none', { by: 'nobody' }),
  proof('alg HS256', { by: 'a shared secret' }),
  proof('no jwk', { header: { jwk: undefined } }),
  proof('a private jwk', (side) => ({ header: { jwk: side.key('reader').privateJwk } })),
  proof('the jwk of another key', { header: { jwk: strangeKey.publicJwk } }),
  proof('an RSA jwk with alg RS256', { header: { alg: 'RS256', jwk: rsa } }),
  proof('a jwk that is text', { header: { jwk: 'key' } }),
  proof('htm GET', { claims: { htm: 'GET' } }),
  proof('htm post', { claims: { htm: 'post' } }),
  proof('no htm', { claims: { htm: undefined } }),
  proof('htu of another endpoint', (side) => ({ claims: { htu: side.url('par') } })),
  proof('htu of another server', { claims: { htu: 'https://other.example/token' } }),
  proof('htu with a query', (side) => ({ claims: { htu: `${side.url('token')}?more=1` } })),
  proof('htu with a fragment', (side) => ({ claims: { htu: `${side.url('token')}#more` } })),
  proof('htu with the host in capitals', (side) => ({ claims: { htu: side.url('token').replace('http', 'HTTP') } })),
  proof('htu with a slash at the end', (side) => ({ claims: { htu: `${side.url('token')}/` } })),
  proof('htu that is relative', { claims: { htu: '/token' } }),
  proof('no htu', { claims: { htu: undefined } }),
  proof('no jti', { claims: { jti: undefined } }),
  proof('jti is a number', { claims: { jti: 7 } }),
  proof('no iat', { claims: { iat: undefined } }),
  proof('iat is text', { claims: { iat: 'now' } }),
  proof('iat five seconds ahead', () => ({ claims: { iat: seconds() + 5 } })),
  proof('iat two minutes ahead', () => ({ claims: { iat: seconds() + 120 } })),
  proof('iat two minutes ago', () => ({ claims: { iat: seconds() - 120 } })),
  proof('iat an hour ago', () => ({ claims: { iat: seconds() - 3_600 } })),
  proof('expired', () => ({ claims: { exp: seconds() - 60 } })),
  proof('a nonce that is not ours', { claims: { nonce: 'nonce' } }),
  proof('a nonce that is a number', { claims: { nonce: 7 } }),
];

/** One proof in two requests. */
const replayedProof: Case = {
  name: 'client_credentials: DPoP proof: used twice',
  async ask(side) {
    const once = [proofOf(side, side.key('reader'))];
    await machineToken(side, { proofs: once });
    return observe(side, await machineToken(side, { proofs: once }));
  },
};

const clientCredentials: readonly Case[] = [
  askingForToken('a request as it should be', {}),
  askingForToken('a token that is signed', { form: { resource: positions } }),
  askingForToken('without grant_type', { form: { grant_type: undefined } }),
  askingForToken('grant_type unknown', { form: { grant_type: 'urn:example:grant' } }),
  askingForToken('grant_type password', { form: { grant_type: 'password', username: 'a', password: 'b' } }),
  askingForToken('grant_type implicit', { form: { grant_type: 'implicit' } }),
  askingForToken('grant_type twice', { form: { grant_type: ['client_credentials', 'client_credentials'] } }),
  askingForToken('a grant_type that the client may not use', {
    form: { grant_type: 'refresh_token', refresh_token: 'x' },
  }),
  askingForToken('without scope', { form: { scope: undefined } }),
  askingForToken('an empty scope', { form: { scope: '' } }),
  askingForToken('scope unknown', { form: { scope: 'order:everything' } }),
  askingForToken('scope that the client may not have', { form: { scope: 'order:read order:create' } }),
  askingForToken('scope openid', { form: { scope: 'openid' } }),
  askingForToken('scope twice', { form: { scope: ['order:read', 'order:read'] } }),
  askingForToken('scope with a quotation mark', { form: { scope: '"order:read"' } }),
  askingForToken('without resource', { form: { resource: undefined } }),
  askingForToken('resource that is relative', { form: { resource: '/quotes' } }),
  askingForToken('resource with a fragment', { form: { resource: `${quotes}#now` } }),
  askingForToken('resource unknown', { form: { resource: 'https://nobody.example/quotes' } }),
  askingForToken('resource that the client may not have', { form: { resource: doors.broker } }),
  askingForToken('two resources', { form: { resource: [quotes, positions] } }),
  askingForToken('the same resource twice', { form: { resource: [quotes, quotes] } }),
  askingForToken('authorization_details that are no JSON', { form: { authorization_details: '[{' } }),
  askingForToken('authorization_details of an unknown type', {
    form: { authorization_details: '[{"type":"urn:example:unknown"}]' },
  }),
  askingForToken('an unknown parameter', { form: { colour: 'green' } }),
  askingForToken('an unknown parameter twice', { form: { colour: ['green', 'blue'] } }),
  askingForToken('without credentials', { form: { client_assertion: undefined, client_assertion_type: undefined } }),
  askingForToken('only a client_id', {
    form: { client_id: 'reader', client_assertion: undefined, client_assertion_type: undefined },
  }),
  askingForToken('client_id of another client', { form: { client_id: 'desk' } }),
  askingForToken('the assertion of another client', (side) => ({
    form: { client_id: 'reader', client_assertion: assertionOf(side, 'desk') },
  })),
  askingForToken('a request object as the assertion', (side) => ({
    form: { client_assertion: requestObjectOf(side, 'reader', { claims: { jti: 'x', sub: 'reader' } }) },
  })),
  askingForToken('an expired assertion', () => ({
    assertion: { claims: { iat: seconds() - 200, exp: seconds() - 100 } },
  })),
  askingForToken('a Bearer token in the header', { headers: { authorization: 'Bearer x' } }),
  askingForToken('a body of JSON', { body: { type: 'application/json', text: '{}' } }),
  askingForToken('a body with a broken percent-encoding', {
    body: { type: 'application/x-www-form-urlencoded', text: 'grant_type=%zz' },
  }),
  askingForToken('by GET', { method: 'GET' }),
  askingForToken('by PUT', { method: 'PUT' }),
  askingForToken('mutual TLS: a request as it should be', { client: 'pki-desk', certificate: 'issued' }),
  askingForToken('mutual TLS: a DPoP proof beside the certificate', (side) => ({
    client: 'pki-desk',
    certificate: 'issued',
    proofs: [proofOf(side, strangeKey, { claims: { htu: side.url('token', 'mtls') } })],
  })),
  askingForToken('mutual TLS: a certificate of an authority that nobody knows', {
    client: 'pki-desk',
    certificate: 'strange',
  }),
  askingForToken('mutual TLS: no certificate', { client: 'pki-desk', mtls: true }),
  askingForToken('mutual TLS: the client_id of a client that signs assertions', {
    client: 'reader',
    certificate: 'issued',
    proofs: [],
  }),
  askingForToken('mutual TLS: on the listener without it', (side) => ({
    form: { client_id: 'pki-desk', client_assertion: undefined, client_assertion_type: undefined },
    proofs: [proofOf(side, strangeKey)],
  })),
];

const anotherVerifier = 'another-verifier-another-verifier-another-verif';
const otherOrder = (side: Side) => JSON.stringify([side.order()]);

/** RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 8707, RFC 9396, RFC 9449 section 10. */
const authorizationCode: readonly Case[] = [
  redeeming('a request as it should be', {}),
  redeeming('without openid', {}, { form: { scope: 'order:create', nonce: undefined } }),
  redeeming('with offline_access', {}, { form: lasting }),
  redeeming('with offline_access and no prompt', {}, { form: { ...lasting, prompt: undefined } }),
  redeeming(
    'openid alone',
    { form: {} },
    { form: { scope: 'openid', resource: undefined, authorization_details: undefined } },
  ),
  redeeming('without code', { form: { code: undefined } }),
  redeeming('code unknown', { form: { code: 'x'.repeat(43) } }),
  redeeming('code twice', { form: { code: ['a', 'b'] } }),
  redeeming('without code_verifier', { form: { code_verifier: undefined } }),
  redeeming('another code_verifier', { form: { code_verifier: anotherVerifier } }),
  redeeming('code_verifier too short', { form: { code_verifier: 'short' } }),
  redeeming('code_verifier with a sign that is not allowed', { form: { code_verifier: `${anotherVerifier}!` } }),
  redeeming('without redirect_uri', { form: { redirect_uri: undefined } }),
  redeeming('another redirect_uri', { form: { redirect_uri: 'https://desk.example/other' } }),
  redeeming('by another client', { client: 'other-desk' }),
  redeeming('without a DPoP proof', { proofs: [] }),
  redeeming(
    'by another key than that of the pushed proof',
    (side) => ({ proofs: [proofOf(side, strangeKey)] }),
    (side) => ({ proofs: [proofOf(side, side.key('desk'), {}, 'par')] }),
  ),
  redeeming(
    'by another key than dpop_jkt',
    (side) => ({ proofs: [proofOf(side, strangeKey)] }),
    (side) => ({ form: { dpop_jkt: side.key('desk').kid } }),
  ),
  redeeming('by the key of dpop_jkt', {}, (side) => ({ form: { dpop_jkt: side.key('desk').kid } })),
  redeeming('the resource named again', { form: { resource: doors.broker } }),
  redeeming('a resource that was not consented to', { form: { resource: doors.venue } }),
  redeeming('an unknown resource', { form: { resource: 'https://nobody.example/' } }),
  redeeming('a scope parameter that is wider', { form: { scope: 'openid order:create settlement:instruct' } }),
  redeeming('another order in authorization_details', (side) => ({
    form: { authorization_details: otherOrder(side) },
  })),
  redeeming('authorization_details of an unknown type', {
    form: { authorization_details: '[{"type":"urn:example:unknown"}]' },
  }),
  redeeming('mutual TLS: as it should be', { certificate: 'issued' }, { client: 'pki-desk', certificate: 'issued' }),
  redeeming(
    'mutual TLS: a self-signed certificate',
    { certificate: 'selfSigned' },
    {
      client: 'self-desk',
      certificate: 'selfSigned',
    },
  ),
  {
    name: 'authorization_code: a code used twice',
    async ask(side) {
      const begun = await flow(side);
      await redeem(side, begun);
      return observe(side, await redeem(side, begun));
    },
  },
  {
    name: 'authorization_code: what was issued for a code that is used twice',
    ask: (side) => afterReplay(side),
  },
];

/** RFC 6749 section 4.1.2: tokens issued for the code should be revoked. Tested by a refresh. */
async function afterReplay(side: Side): Promise<Observation> {
  const begun = await flow(side, { form: lasting });
  const token = memberOf(await redeem(side, begun), 'refresh_token');
  await redeem(side, begun);
  return observe(side, await refresh(side, token));
}

/** RFC 6749 section 6 under FAPI 2.0 Security Profile section 5.3.2.1: no rotation, and bound. */
const refreshToken: readonly Case[] = [
  refreshing('a request as it should be', {}),
  refreshing('without scope and resource', { form: { scope: undefined, resource: undefined } }),
  refreshing('the scope of the sign-in too', { form: { scope: 'openid order:create' } }),
  refreshing('a wider scope', { form: { scope: 'order:create settlement:instruct' } }),
  refreshing('an unknown scope', { form: { scope: 'order:everything' } }),
  refreshing('a resource that was not consented to', { form: { resource: doors.venue } }),
  refreshing('without refresh_token', { form: { refresh_token: undefined } }),
  refreshing('refresh_token unknown', { form: { refresh_token: 'x'.repeat(43) } }),
  refreshing('refresh_token twice', { form: { refresh_token: ['a', 'b'] } }),
  refreshing('by another client', { client: 'other-desk' }),
  refreshing('without a DPoP proof', { proofs: [] }),
  refreshing('by another DPoP key', (side) => ({ proofs: [proofOf(side, strangeKey)] })),
  refreshing('another order in authorization_details', (side) => ({
    form: { authorization_details: otherOrder(side) },
  })),
  {
    name: 'refresh_token: the same one twice',
    async ask(side) {
      const token = await refreshTokenOf(side);
      await refresh(side, token);
      return observe(side, await refresh(side, token));
    },
  },
  {
    name: 'refresh_token: mutual TLS, with the certificate',
    async ask(side) {
      const bound = { client: 'pki-desk', certificate: 'issued' } as const;
      return observe(side, await refresh(side, await refreshTokenOf(side, bound), bound));
    },
  },
  {
    name: 'refresh_token: after it was revoked',
    async ask(side) {
      const token = await refreshTokenOf(side);
      await revoke(side, token, { client: 'desk' });
      return observe(side, await refresh(side, token));
    },
  },
];

const asking = (name: string, change: ChangeFor): Case => ({
  name: `introspection: ${name}`,
  async ask(side) {
    const token = memberOf(await machineToken(side), 'access_token');
    return observe(side, await introspect(side, token, typeof change === 'function' ? change(side) : change));
  },
});

/** RFC 7662, RFC 9701. */
const introspection: readonly Case[] = [
  asking('an active token', {}),
  asking('with token_type_hint', { form: { token_type_hint: 'access_token' } }),
  asking('with an unknown token_type_hint', { form: { token_type_hint: 'postcard' } }),
  asking('asked for in the signed form', { headers: { accept: 'application/token-introspection+jwt' } }),
  asking('asked for in any form', { headers: { accept: '*/*' } }),
  asking('by a client that the token is not for', { client: 'desk' }),
  asking('by the client that has the token', { client: 'reader' }),
  asking('without token', { form: { token: undefined } }),
  asking('token twice', { form: { token: ['a', 'b'] } }),
  asking('token unknown', { form: { token: 'unknown' } }),
  asking('token of 20,000 characters', { form: { token: 't'.repeat(20_000) } }),
  asking('token that looks like a JWT and is none of ours', {
    form: { token: compactJws({ typ: 'at+jwt' }, { iss: 'https://other.example' }, strangeKey) },
  }),
  asking('without credentials', { form: { client_assertion: undefined, client_assertion_type: undefined } }),
  asking('an access token instead of credentials', {
    form: { client_assertion: undefined, client_assertion_type: undefined },
    headers: { authorization: 'Bearer x' },
  }),
  asking('by GET', { method: 'GET' }),
  {
    name: 'introspection: a token that is signed',
    async ask(side) {
      const token = memberOf(await machineToken(side, { form: { resource: positions } }), 'access_token');
      return observe(side, await introspect(side, token));
    },
  },
  {
    name: 'introspection: a token that was revoked',
    async ask(side) {
      const token = memberOf(await machineToken(side), 'access_token');
      await revoke(side, token);
      return observe(side, await introspect(side, token));
    },
  },
  {
    name: 'introspection: an unknown token, in the signed form',
    ask: async (side) =>
      observe(side, await introspect(side, 'unknown', { headers: { accept: 'application/token-introspection+jwt' } })),
  },
  {
    name: 'introspection: a refresh token',
    ask: async (side) => observe(side, await introspect(side, await refreshTokenOf(side))),
  },
  {
    name: 'introspection: a token bound to a certificate',
    async ask(side) {
      const issued = await machineToken(side, { client: 'pki-desk', certificate: 'issued' });
      return observe(side, await introspect(side, memberOf(issued, 'access_token')));
    },
  },
];

const ending = (name: string, change: ChangeFor): Case => ({
  name: `revocation: ${name}`,
  async ask(side) {
    const token = memberOf(await machineToken(side), 'access_token');
    return observe(side, await revoke(side, token, typeof change === 'function' ? change(side) : change));
  },
});

/** RFC 7009. */
const revocation: readonly Case[] = [
  ending('an access token', {}),
  ending('with token_type_hint', { form: { token_type_hint: 'access_token' } }),
  ending('with the wrong token_type_hint', { form: { token_type_hint: 'refresh_token' } }),
  ending('with an unknown token_type_hint', { form: { token_type_hint: 'postcard' } }),
  ending('without token', { form: { token: undefined } }),
  ending('token twice', { form: { token: ['a', 'b'] } }),
  ending('token unknown', { form: { token: 'unknown' } }),
  ending('the token of another client', { client: 'desk' }),
  ending('without credentials', { form: { client_assertion: undefined, client_assertion_type: undefined } }),
  ending('by GET', { method: 'GET' }),
  {
    name: 'revocation: the same token twice',
    async ask(side) {
      const token = memberOf(await machineToken(side), 'access_token');
      await revoke(side, token);
      return observe(side, await revoke(side, token));
    },
  },
  {
    name: 'revocation: a token that is signed',
    async ask(side) {
      const token = memberOf(await machineToken(side, { form: { resource: positions } }), 'access_token');
      return observe(side, await revoke(side, token));
    },
  },
  {
    name: 'revocation: a refresh token',
    ask: async (side) => observe(side, await revoke(side, await refreshTokenOf(side), { client: 'desk' })),
  },
  {
    name: 'revocation: the refresh token of another client',
    ask: async (side) => observe(side, await revoke(side, await refreshTokenOf(side), { client: 'other-desk' })),
  },
];

export const tokenCases: readonly Case[] = [
  ...clientCredentials,
  ...proofs,
  replayedProof,
  ...authorizationCode,
  ...refreshToken,
  ...introspection,
  ...revocation,
];
