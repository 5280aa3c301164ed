import { createHash } from 'node:crypto';
import { isCodedError } from '@countersign/kernel';
import { createProtection } from '@countersign/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redeemFields } from '../testing/backchannel.ts';
import { accessTokenType, clientAssertionType, exchangeGrant, jwtBearerGrant } from '../testing/credentials.ts';
import { doors } from '../testing/firms.ts';
import { faultsIn, verdictOf } from '../testing/negative-matrix.ts';
import type { Fields, RawClient } from '../testing/raw-client.ts';
import { dashboardRedirectUri, redirectUri } from '../testing/relying-parties.ts';
import {
  opaqueDoor,
  openTokenClassWorld,
  type TokenClass,
  type TokenClassWorld,
  tokenClasses,
} from '../testing/token-classes.ts';
import { send } from '../testing/wire.ts';

// Every class of token, sent to every verifier (RFC 8725 sections 3.11 and 3.12): a token valid in one place is invalid in all
// others. Several of them are signed with the same key, and none has expired.

let world: TokenClassWorld;

beforeAll(async () => {
  world = await openTokenClassWorld();
});
afterAll(() => world?.stop());

interface Verifier {
  readonly name: string;
  /** The classes that it accepts. */
  readonly takes: readonly TokenClass[];
  /** Its answer to all others. */
  readonly refusal: RegExp;
  present(token: string): Promise<string>;
}

const desk = () => world.party('desk-dpop');
const broker = () => world.firm('brk-orders');
const at = (path: string) => world.issuer + path;
const verdict = async (answer: ReturnType<typeof send>) => verdictOf(await answer);

/** For this very request, with the key that the accepted token is bound to. */
const proofFor = (client: RawClient, url: string, token: string) =>
  client.proof(url, { htm: 'GET', ath: createHash('sha256').update(token).digest('base64url') });

function presented(client: RawClient, url: string, scheme: 'Bearer' | 'DPoP', token: string): Promise<string> {
  const headers = { authorization: `${scheme} ${token}`, dpop: proofFor(client, url, token) };
  return verdict(send({ method: 'GET', url, headers }));
}

async function protectedBy(audience: string, scheme: 'Bearer' | 'DPoP', token: string): Promise<string> {
  const { introspect } = world.trading.firms.client('brk-orders');
  const protection = createProtection({ issuer: world.issuer, audience, introspect });
  const dpop = [proofFor(world.firm('ha-oms'), audience, token)];
  try {
    await protection.check(
      { method: 'GET', url: audience, authorization: [`${scheme} ${token}`], dpop },
      { scope: 'order:create' },
    );
    return 'accepted';
  } catch (error) {
    if (isCodedError(error)) return error.code;
    throw error;
  }
}

const credentials = (token: string): Fields => [
  ['client_id', 'desk-dpop'],
  ['client_assertion_type', clientAssertionType],
  ['client_assertion', token],
];

const verifiers: readonly Verifier[] = [
  ...['/token', '/par', '/introspect', '/revoke', '/bc-authorize'].map(
    (path, index): Verifier => ({
      name: `a client assertion at ${path}`,
      takes: ['client assertion'],
      refusal: /^401 invalid_client client_assertion_/,
      // Each from an address of its own: failures are counted by address, and further ones would not be checked.
      present: (token) => verdict(desk().postOnly(path, credentials(token), { from: `127.0.0.${index + 2}` })),
    }),
  ),
  {
    name: 'a DPoP proof at the token endpoint',
    takes: ['DPoP proof'],
    refusal: /^400 invalid_dpop_proof proof_/,
    present: (token) => verdict(desk().post('/token', [['grant_type', 'refresh_token']], { dpop: [token] })),
  },
  {
    name: 'a subject token',
    takes: ['access token for a firm', 'reference to an access token'],
    refusal: /^400 invalid_request token_/,
    present: (token) =>
      verdict(
        broker().post('/token', [
          ['grant_type', exchangeGrant],
          ['subject_token', token],
          ['subject_token_type', accessTokenType],
          ['resource', doors.venue],
        ]),
      ),
  },
  {
    name: 'an assertion of a firm',
    takes: ["assertion of a firm's identity provider"],
    refusal: /^400 invalid_grant assertion_/,
    present: (token) =>
      verdict(
        world.firm('ha-oms').post('/token', [
          ['grant_type', jwtBearerGrant],
          ['assertion', token],
          ['resource', doors.broker],
          ['scope', 'order:create'],
          ['authorization_details', JSON.stringify([world.trading.order(world.mandate)])],
        ]),
      ),
  },
  {
    name: 'a code',
    takes: ['code'],
    refusal: /^400 invalid_grant code_unknown$/,
    present: (token) =>
      verdict(
        desk().post('/token', [
          ['grant_type', 'authorization_code'],
          ['code', token],
          ['redirect_uri', redirectUri],
          ['code_verifier', 'A'.repeat(43)],
        ]),
      ),
  },
  {
    name: 'a refresh token',
    takes: ['refresh token'],
    refusal: /^400 invalid_grant refresh_token_unknown$/,
    present: (token) => verdict(world.flow(desk()).refresh(token, [['scope', 'openid']])),
  },
  {
    name: 'the id of a backchannel request',
    takes: ['id of a backchannel request'],
    refusal: /^400 invalid_grant auth_req_id_unknown$/,
    present: (token) => verdict(world.own('desk-ciba').post('/token', redeemFields(token))),
  },
  {
    name: 'a request object at the PAR endpoint',
    takes: ['request object'],
    refusal: /^400 invalid_request_object request_object_/,
    present: (token) => verdict(world.party('desk-signed').post('/par', [['request', token]])),
  },
  {
    name: 'a signed request at the backchannel authentication endpoint',
    takes: [],
    refusal: /^400 invalid_request signed_request_/,
    present: (token) => verdict(world.own('desk-ciba').post('/bc-authorize', [['request', token]])),
  },
  {
    name: 'a request URI',
    takes: ['request URI'],
    refusal: /^400 page request_uri_unknown$/,
    present: (token) => verdict(send({ method: 'GET', url: world.flow(desk()).urlOf(token) })),
  },
  {
    name: 'an ID token as a hint of who is to sign in',
    takes: ['ID token'],
    refusal: /^303 invalid_request$/,
    present: (token) => {
      const query = new URLSearchParams({
        client_id: 'dashboard',
        response_type: 'code',
        redirect_uri: dashboardRedirectUri,
        code_challenge: 'A'.repeat(43),
        code_challenge_method: 'S256',
        scope: 'openid',
        id_token_hint: token,
      });
      return verdict(send({ method: 'GET', url: at(`/authorize?${query.toString()}`) }));
    },
  },
  {
    name: 'an ID token as a hint of who is to sign out',
    takes: ['ID token'],
    refusal: /^400 page id_token_hint_invalid$/,
    present: (token) => verdict(send({ method: 'GET', url: at(`/logout?id_token_hint=${encodeURIComponent(token)}`) })),
  },
  {
    name: 'a token that introspection tells of',
    takes: ['access token for a firm', 'reference to an access token'],
    refusal: /^not active$/,
    present: async (token) => {
      const { status, body } = await broker().post('/introspect', [['token', token]]);
      expect(status).toBe(200);
      return body === '{"active":false}' ? 'not active' : 'accepted';
    },
  },
  ...(['DPoP', 'Bearer'] as const).flatMap((scheme): readonly Verifier[] => [
    {
      name: `a ${scheme} token at userinfo`,
      takes: scheme === 'DPoP' ? ['access token for userinfo'] : [],
      refusal: /^401 (?:invalid_token|token_|proof_)/,
      present: (token) => presented(desk(), at('/userinfo'), scheme, token),
    },
    {
      name: `a ${scheme} token at one of our own interfaces`,
      takes: scheme === 'DPoP' ? ['access token for one of our own interfaces'] : [],
      refusal: /^401 (?:token_|proof_)/,
      present: (token) => presented(broker(), at('/decisions/policy'), scheme, token),
    },
    {
      name: `a ${scheme} token at an interface that the sdk protects`,
      takes: scheme === 'DPoP' ? ['access token for a firm'] : [],
      refusal: /^(?:token_|proof_)/,
      present: (token) => protectedBy(doors.broker, scheme, token),
    },
    {
      name: `a ${scheme} token at an interface that takes references`,
      takes: scheme === 'DPoP' ? ['reference to an access token'] : [],
      refusal: /^(?:token_|proof_)/,
      present: (token) => protectedBy(opaqueDoor, scheme, token),
    },
  ]),
  {
    name: 'an approval',
    takes: ['approval of an order'],
    refusal: /^4\d\d (?:approval_|request_invalid)/,
    present: async (token) => {
      const path = `/transactions/${world.transaction}/approvals`;
      const client = world.firm('ha-approvals');
      const granted = await client.post('/token', [
        ['grant_type', 'client_credentials'],
        ['resource', at('/transactions')],
        ['scope', 'order:approve'],
      ]);
      const accessToken = String(granted.members['access_token']);
      const dpop = client.proof(at(path), { ath: createHash('sha256').update(accessToken).digest('base64url') });
      return verdict(
        send({
          method: 'POST',
          url: at(path),
          headers: { authorization: `DPoP ${accessToken}`, dpop, 'content-type': 'application/json' },
          body: JSON.stringify({ jws: token }),
        }),
      );
    },
  },
];

const foreign = verifiers.flatMap((verifier) =>
  tokenClasses
    .filter((tokenClass) => !verifier.takes.includes(tokenClass))
    .map((tokenClass) => ({ tokenClass, verifier: verifier.name, ...verifier })),
);

it.each(foreign)('$verifier does not accept $tokenClass', async ({ tokenClass, refusal, present }) => {
  expect(await present(world.tokens[tokenClass])).toMatch(refusal);
});

describe('the revocation endpoint', () => {
  it.each(tokenClasses)('revokes nothing for a %s that was not issued to the requesting client', async (tokenClass) => {
    const said = await verdict(world.firm('clr-core').post('/revoke', [['token', world.tokens[tokenClass]]]));
    expect(said).toMatch(/^(?:accepted|400 invalid_request token_of_another_client)$/);
  });
});

describe('after all of that, each is still valid where it belongs', () => {
  // A code needs its verifier and cannot be redeemed without; a request URI leads to the sign-in.
  const good = verifiers.flatMap(({ name, takes, present }) =>
    takes.map((tokenClass) => ({ name, tokenClass, present })),
  );
  const otherwise: Readonly<Record<string, string>> = {
    'a code': '400 invalid_grant code_verifier',
    'a DPoP proof at the token endpoint': '400 invalid_request parameter_missing',
    'a client assertion at /token': '400 invalid_request parameter_missing',
  };

  it.each(good.filter(({ name }) => !/client assertion at \/(?!token)/.test(name)))(
    '$tokenClass as $name',
    async ({ name, tokenClass, present }) => {
      expect(await present(world.tokens[tokenClass])).toBe(otherwise[name] ?? 'accepted');
    },
  );

  it('and nothing failed with an internal error', () => {
    expect(faultsIn(world.logged())).toEqual([]);
  });
});
