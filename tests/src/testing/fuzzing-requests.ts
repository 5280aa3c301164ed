import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { clientAssertionType, exchangeGrant, jwtBearerGrant } from './credentials.ts';
import type { ClientName } from './differential-clients.ts';
import {
  assertionOf,
  base64url,
  codeVerifier,
  type FormChange,
  proofOf,
  requestedOf,
  requestObjectOf,
  type TokenChange,
} from './differential-requests.ts';
import type { Side } from './differential-side.ts';
import {
  type Mutation,
  mutation,
  treacherousJson,
  treacherousJsonText,
  treacherousName,
  treacherousText,
} from './fuzzing-arbitraries.ts';
import { redirectUri } from './relying-parties.ts';

/** One hostile request. */
export interface Attempt {
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

/** The material for the requests: tokens and pages that the server really issued. */
export interface Prey {
  readonly side: Side;
  readonly accessToken: string;
  /** For userinfo, bound to the key of `desk`. */
  readonly userinfoToken: string;
  readonly opaqueToken: string;
  readonly refreshToken: string;
  readonly requestUri: string;
  readonly cookies: string;
  readonly interaction: string;
  readonly csrf: string;
  readonly signInPath: string;
}

const formHeaders = [['content-type', 'application/x-www-form-urlencoded']] as const;

function formOf(form: FormChange): string {
  const pairs = Object.entries(form).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : (typeof value === 'string' ? [value] : value).map((one) => [name, one]),
  );
  return new URLSearchParams(pairs).toString();
}

/** Limited to what a header can hold: a request that the client itself refuses to send proves nothing. */
const inHeader = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 12_000);

/** Claims and header members that a verifier reads, with unexpected values. */
const members = (names: readonly string[]): fc.Arbitrary<Readonly<Record<string, unknown>>> =>
  fc.dictionary(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, treacherousName), treacherousJson, {
    maxKeys: 3,
  });

const headerMembers = ['alg', 'typ', 'kid', 'jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc', 'p2c', 'cty'];
const claimNames = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'nonce', 'htm', 'htu', 'ath', 'client_id', 'act'];

/** A header with an algorithm that could be mistaken for one of ours. */
const algorithms = fc.constantFrom(
  'none',
  'None',
  'nOnE',
  'HS256',
  'RS256',
  'ES256K',
  'ES384',
  'dir',
  'PBES2-HS256+A128KW',
);

interface TokenFuzz {
  readonly change: TokenChange;
  readonly alter: Mutation;
}

/** A token that is valid except for a few members or a mutation of its text, or that is made of hostile JSON. */
const tokenFuzz: fc.Arbitrary<TokenFuzz> = fc.oneof(
  fc.record({ change: fc.constant({}), alter: mutation }),
  members(claimNames).map((claims) => ({ change: { claims }, alter: same })),
  members(headerMembers).map((header) => ({ change: { header }, alter: same })),
  algorithms.map((alg) => ({ change: { header: { alg } }, alter: same })),
  fc.constantFrom<TokenFuzz>(
    { change: { by: 'nobody' }, alter: same },
    { change: { by: 'a shared secret' }, alter: same },
  ),
  fc.tuple(treacherousJsonText, treacherousJsonText).map(([header, claims]) => ({
    change: { text: `${encoded(header)}.${encoded(claims)}.${'A'.repeat(86)}` },
    alter: same,
  })),
  treacherousJsonText.map((claims) => ({
    change: { text: `${base64url({ alg: 'ES256', typ: 'JWT' })}.${encoded(claims)}.${'A'.repeat(86)}` },
    alter: same,
  })),
);

function same(text: string): string {
  return text;
}
function encoded(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/** Makes one, or returns undefined when a mutation does not apply to this token. */
const fuzzed = (make: (change: TokenChange) => string, { change, alter }: TokenFuzz): string => alter(make(change));

/** Valid credentials, so that later checks are reached. */
const signedIn = (side: Side, client: ClientName): FormChange => ({
  client_assertion_type: clientAssertionType,
  client_assertion: assertionOf(side, client),
});

const clientEndpoint = (path: string, form: FormChange, proofs: readonly string[] = []): Attempt => ({
  path,
  headers: [...formHeaders, ...proofs.map((proof): [string, string] => ['dpop', inHeader(proof)])],
  body: formOf(form),
});

const tokenForm = {
  grant_type: 'client_credentials',
  scope: 'order:read',
  resource: 'https://broker.example/quotes',
} as const;

/** Client assertions at every endpoint that accepts them. */
export const clientAssertions = ({ side }: Prey): fc.Arbitrary<Attempt> =>
  fc
    .tuple(tokenFuzz, fc.constantFrom('/token', '/par', '/introspect', '/revoke', '/bc-authorize'))
    .map(([fuzz, path]) =>
      clientEndpoint(path, {
        ...tokenForm,
        client_assertion_type: clientAssertionType,
        client_assertion: fuzzed((change) => assertionOf(side, 'reader', change), fuzz),
      }),
    );

/** DPoP proofs with valid credentials: at the token endpoint, and with the token that they belong to. */
export const dpopProofs = ({ side, userinfoToken }: Prey): fc.Arbitrary<Attempt> => {
  const ath = createHash('sha256').update(userinfoToken).digest('base64url');
  const atUserinfo = ({ claims, ...change }: TokenChange): string =>
    proofOf(side, side.key('desk'), { ...change, claims: { htm: 'GET', ath, ...claims } }, 'userinfo');
  const atToken = (change: TokenChange): string => proofOf(side, side.key('reader'), change);
  const several = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(tokenFuzz) },
    { weight: 1, arbitrary: fc.tuple(tokenFuzz, tokenFuzz) },
  );
  return fc.tuple(several, fc.boolean()).map(([fuzzes, withToken]): Attempt => {
    const proofs = fuzzes.map((fuzz) => fuzzed(withToken ? atUserinfo : atToken, fuzz));
    if (!withToken) return clientEndpoint('/token', { ...signedIn(side, 'reader'), ...tokenForm }, proofs);
    return {
      path: '/userinfo',
      method: 'GET',
      headers: [
        ['authorization', `DPoP ${userinfoToken}`],
        ...proofs.map((proof): [string, string] => ['dpop', inHeader(proof)]),
      ],
    };
  });
};

/** Signed request objects, pushed by an authenticated client. */
export const requestObjects = ({ side }: Prey): fc.Arbitrary<Attempt> =>
  fc
    .oneof(
      tokenFuzz,
      members([...Object.keys(requestedOf(side, 'signing-desk')), 'claims', 'max_age', 'prompt', 'request']).map(
        (claims): TokenFuzz => ({ change: { claims }, alter: same }),
      ),
    )
    .map((fuzz) =>
      clientEndpoint('/par', {
        ...signedIn(side, 'signing-desk'),
        client_id: 'signing-desk',
        request: fuzzed((change) => requestObjectOf(side, 'signing-desk', change), fuzz),
      }),
    );

/** Parameters of a pushed request: known and unknown ones, once and twice, with any content. */
export const pushedForms = ({ side }: Prey): fc.Arbitrary<Attempt> => {
  const known = [
    ...Object.keys(requestedOf(side, 'desk')),
    ...['response_mode', 'prompt', 'max_age', 'acr_values', 'login_hint', 'id_token_hint', 'claims', 'request'],
    ...['request_uri', 'dpop_jkt', 'grant_id', 'grant_management_action', 'client_assertion_type'],
  ];
  const name = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...known) }, treacherousName, treacherousText);
  const value = fc.oneof(treacherousText, treacherousJsonText, fc.array(treacherousText, { maxLength: 3 }));
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 3 }).map((changes) =>
        clientEndpoint('/par', {
          ...requestedOf(side, 'desk'),
          ...signedIn(side, 'desk'),
          ...Object.fromEntries(changes),
        }),
      ),
    },
    // The body as a whole, and its content type.
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.constantFrom(
            'application/x-www-form-urlencoded',
            'application/json',
            'text/plain',
            'multipart/form-data',
            'x',
          ),
          fc.oneof(
            treacherousText,
            treacherousJsonText,
            mutation.map((alter) => alter(formOf(requestedOf(side, 'desk')))),
          ),
        )
        .map(([type, body]): Attempt => ({ path: '/par', headers: [['content-type', type]], body })),
    },
  );
};

/** authorization_details: hostile JSON, and an order with one of its fields replaced. */
export const authorizationDetails = ({ side }: Prey): fc.Arbitrary<Attempt> => {
  const order = side.order();
  const names = Object.keys(order);
  const text = fc.oneof(
    treacherousJsonText,
    treacherousJson.map((value) => JSON.stringify([value])),
    fc
      .tuple(fc.oneof(fc.constantFrom(...names), treacherousName), treacherousJson)
      .map(([name, value]) => JSON.stringify([{ ...order, ...Object.fromEntries([[name, value]]) }])),
    fc
      .tuple(fc.constantFrom(...names), treacherousJsonText)
      .map(([name, value]) => `[${JSON.stringify(order).slice(0, -1)},"${name}":${value}}]`),
    mutation.map((alter) => alter(JSON.stringify([order]))),
    fc.nat(12).map((count) => JSON.stringify(Array.from({ length: count }, () => order))),
  );
  return fc.tuple(text, fc.boolean()).map(([details, atToken]) =>
    atToken
      ? clientEndpoint('/token', { ...tokenForm, ...signedIn(side, 'reader'), authorization_details: details }, [
          proofOf(side, side.key('reader')),
        ])
      : clientEndpoint('/par', {
          ...requestedOf(side, 'desk'),
          ...signedIn(side, 'desk'),
          authorization_details: details,
        }),
  );
};

/** Grants of every kind, with invalid codes, tokens and assertions. */
export const tokenForms = ({ side, refreshToken, accessToken }: Prey): fc.Arbitrary<Attempt> => {
  const names = ['code', 'code_verifier', 'redirect_uri', 'refresh_token', 'assertion', 'subject_token', 'actor_token'];
  const more = [
    'subject_token_type',
    'requested_token_type',
    'audience',
    'auth_req_id',
    'resource',
    'scope',
    'grant_type',
  ];
  const grant = fc.constantFrom(
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'urn:openid:params:grant-type:ciba',
    exchangeGrant,
    jwtBearerGrant,
  );
  const value = fc.oneof(
    treacherousText,
    treacherousJsonText,
    mutation.map((alter) => alter(refreshToken)),
    mutation.map((alter) => alter(accessToken)),
  );
  return fc
    .tuple(
      grant,
      fc.constantFrom<ClientName>('desk', 'reader'),
      fc.array(fc.tuple(fc.oneof(fc.constantFrom(...names, ...more), treacherousName), value), { maxLength: 4 }),
    )
    .map(([grantType, client, changes]) =>
      clientEndpoint(
        '/token',
        {
          grant_type: grantType,
          code: 'x'.repeat(43),
          code_verifier: codeVerifier,
          redirect_uri: redirectUri,
          refresh_token: refreshToken,
          subject_token: accessToken,
          ...signedIn(side, client),
          ...Object.fromEntries(changes),
        },
        [proofOf(side, side.key(client))],
      ),
    );
};

/** Tokens for introspection and revocation: real ones with a change, and other text. */
export const presentedTokens = ({ side, accessToken, opaqueToken, refreshToken }: Prey): fc.Arbitrary<Attempt> =>
  fc
    .tuple(
      fc.oneof(
        fc
          .tuple(fc.constantFrom(accessToken, opaqueToken, refreshToken), mutation)
          .map(([token, alter]) => alter(token)),
        tokenFuzz.map((fuzz) => fuzzed((change) => assertionOf(side, 'reader', change), fuzz)),
        treacherousText,
        treacherousJsonText,
      ),
      treacherousText,
      fc.constantFrom('/introspect', '/revoke', '/userinfo'),
    )
    .map(
      ([token, hint, path]): Attempt =>
        path === '/userinfo'
          ? { path, method: 'GET', headers: [['authorization', inHeader(`DPoP ${token}`)]] }
          : clientEndpoint(path, { ...signedIn(side, 'broker-api'), token, token_type_hint: hint }),
    );

/** Input from a browser: addresses, cookies, and the forms of our pages. */
export const browserRequests = (prey: Prey): fc.Arbitrary<Attempt> => {
  const { side, cookies, interaction, csrf, requestUri, signInPath } = prey;
  const cookie = fc.oneof(
    mutation.map((alter) => alter(cookies)),
    treacherousText,
    fc.constant(cookies),
    fc.constant(`${cookies}; ${'a=b; '.repeat(500)}`),
  );
  const field = fc.oneof(
    treacherousText,
    treacherousJsonText,
    mutation.map((alter) => alter(interaction)),
  );
  const form = fc.record({
    interaction: fc.oneof(fc.constant(interaction), field),
    csrf: fc.oneof(
      fc.constant(csrf),
      mutation.map((alter) => alter(csrf)),
      field,
    ),
    decision: fc.oneof(fc.constantFrom('allow', 'refuse'), field),
    person: field,
    method: fc.oneof(fc.constant('development'), field),
  });
  const query = fc
    .tuple(
      fc.constantFrom('client_id', 'request_uri', 'redirect_uri', 'scope', 'state', 'prompt', 'claims', 'resource'),
      fc.oneof(
        treacherousText,
        treacherousJsonText,
        mutation.map((alter) => alter(requestUri)),
      ),
    )
    .map(([name, value]) =>
      formOf({
        ...requestedOf(side, 'dashboard'),
        scope: 'openid',
        resource: undefined,
        authorization_details: undefined,
        ...Object.fromEntries([[name, value.slice(0, 6_000)]]),
      }),
    );
  const headersWith = (text: string): readonly (readonly [string, string])[] => [
    ['cookie', inHeader(text)],
    ['origin', side.issuer],
    ['sec-fetch-site', 'same-origin'],
  ];
  return fc.oneof(
    fc.tuple(cookie, query).map(
      ([text, search]): Attempt => ({
        path: `/authorize?${search}`,
        method: 'GET',
        headers: headersWith(text),
      }),
    ),
    fc.tuple(cookie, field).map(
      ([text, id]): Attempt => ({
        path: `/authorize/resume?${formOf({ interaction: id.slice(0, 6_000) })}`,
        method: 'GET',
        headers: headersWith(text),
      }),
    ),
    fc
      .tuple(cookie, form, fc.constantFrom('/authorize/decision', signInPath, '/sign-out', '/logout', '/authorize'))
      .map(
        ([text, fields, path]): Attempt => ({
          path,
          headers: [...formHeaders, ...headersWith(text)],
          body: formOf(fields),
        }),
      ),
    fc.tuple(cookie, field).map(
      ([text, id]): Attempt => ({
        path: `/sign-in/${encodeURIComponent(wellFormed(id).slice(0, 1_000))}`,
        method: 'GET',
        headers: headersWith(text),
      }),
    ),
  );
};

/** A lone surrogate cannot be written into an address at all. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}
