import { CodedError, type Json } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  authorizationRequestErrors,
  oauthErrorOfAuthorizationRequest,
  parseAuthorizationRequest,
  parseResponseTarget,
} from './authorization-request.ts';
import { parseForm } from './form.ts';

const jkt = 'A'.repeat(43);
const details = [{ type: 'urn:example:detail', amount: '5' }];
/** Parameters as in a form. */
const form = {
  response_type: 'code',
  client_id: 'dashboard',
  redirect_uri: 'https://rp.example/cb?a=1',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
  scope: 'openid order:create',
  state: 'af0 ifjs~ldkj',
  nonce: 'n-0S6_WzA2Mj',
  resource: 'https://venue.example/orders',
  authorization_details: JSON.stringify(details),
  response_mode: 'jwt',
  prompt: 'login consent',
  max_age: '300',
  acr_values: 'urn:a urn:b',
  claims: JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:c'] }, sub: { value: 'person:1' } } }),
  login_hint: 'Zoë Müller',
  id_token_hint: 'a.b.c',
  dpop_jkt: jkt,
  grant_id: 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3',
  grant_management_action: 'merge',
};
type Parameters = Readonly<Record<string, Json | undefined>>;

function parse(parameters: Parameters) {
  const sent = Object.entries(parameters).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return parseAuthorizationRequest(new Map(sent));
}

const smallest = {
  response_type: form.response_type,
  client_id: form.client_id,
  redirect_uri: form.redirect_uri,
  code_challenge: form.code_challenge,
  code_challenge_method: form.code_challenge_method,
};

describe('an authorization request', () => {
  it('gives every parameter in its own type', () => {
    expect(parse(form)).toEqual({
      clientId: 'dashboard',
      redirectUri: 'https://rp.example/cb?a=1',
      responseMode: 'jwt',
      state: 'af0 ifjs~ldkj',
      codeChallenge: form.code_challenge,
      scope: ['openid', 'order:create'],
      nonce: 'n-0S6_WzA2Mj',
      resource: 'https://venue.example/orders',
      authorizationDetails: details,
      prompt: ['login', 'consent'],
      maxAgeSeconds: 300,
      acrValues: ['urn:a', 'urn:b'],
      requiredAcrValues: ['urn:c'],
      subject: 'person:1',
      loginHint: 'Zoë Müller',
      idTokenHint: 'a.b.c',
      dpopJkt: jkt,
      grantManagement: { action: 'merge', grantId: form.grant_id },
    });
  });

  it('is the same from a form and from a request object, where JSON values are JSON', () => {
    const object = { ...form, max_age: 300, authorization_details: details, claims: JSON.parse(form.claims) };
    expect(parse(object)).toEqual(parse(form));
  });

  it('requires five parameters and omits those not sent', () => {
    expect(parse(smallest)).toEqual({
      clientId: 'dashboard',
      redirectUri: form.redirect_uri,
      responseMode: 'query',
      codeChallenge: form.code_challenge,
      scope: [],
      prompt: [],
      acrValues: [],
      requiredAcrValues: [],
    });
  });

  it('ignores unknown parameters of any form (RFC 6749 section 3.1)', () => {
    expect(parse({ ...smallest, unknown: { deep: [1] }, ui_locales: 'de', ['__proto__']: 'x' })).toEqual(
      parse(smallest),
    );
  });

  it('treats a parameter without a value as not sent, in a request object too', () => {
    const empty = Object.fromEntries(Object.keys(form).map((name) => [name, '']));
    expect(parse({ ...empty, ...smallest })).toEqual(parse(smallest));
  });

  it('may omit PKCE, with only a nonce, if the client is exempt', () => {
    const { code_challenge: _challenge, code_challenge_method: _method, ...plain } = form;
    const of = (change: Readonly<Record<string, string>>) =>
      parseAuthorizationRequest(new Map(Object.entries({ ...plain, ...change })), { requirePkce: false });
    expect(of({ nonce: 'n-1' })).toMatchObject({ nonce: 'n-1' });
    expect(of({ nonce: 'n-1' })).not.toHaveProperty('codeChallenge');
    const { code_challenge: challenge } = form;
    expect(of({ code_challenge: challenge, code_challenge_method: 'S256' }).codeChallenge).toBe(challenge);
  });

  it.each(['response_type', 'client_id', 'redirect_uri', 'code_challenge', 'code_challenge_method'])(
    'is refused without %s',
    (parameter) => {
      for (const value of [undefined, ''])
        expect(() => parse({ ...smallest, [parameter]: value })).toThrow(
          expect.objectContaining({ code: 'parameter_missing', facts: { parameter } }),
        );
    },
  );

  const malformedCodes: Readonly<Record<string, string>> = {
    scope: 'scope_malformed',
    resource: 'resource_malformed',
    authorization_details: 'details_malformed',
    grant_id: 'grant_id_malformed',
  };

  it.each(
    Object.keys(form).flatMap((parameter) =>
      ([true, null, 1.5, ['x'], { a: 'x' }] as const).map((value) => ({ parameter, value })),
    ),
  )('is refused when $parameter is $value', ({ parameter, value }) => {
    if (parameter === 'authorization_details' && Array.isArray(value)) return;
    // An object is valid for the claims parameter.
    if (parameter === 'claims' && typeof value === 'object' && value !== null && !Array.isArray(value)) return;
    expect(() => parse({ ...form, [parameter]: value as Json })).toThrow(
      expect.objectContaining({ code: malformedCodes[parameter] ?? 'parameter_malformed', facts: { parameter } }),
    );
  });

  it.each([
    ['client_id', 257],
    ['redirect_uri', 2_049],
    ['response_type', 65],
    ['code_challenge', 129],
    ['code_challenge_method', 65],
    ['scope', 2_049],
    ['state', 513],
    ['nonce', 513],
    ['resource', 2_049],
    ['authorization_details', 32_769],
    ['response_mode', 65],
    ['prompt', 65],
    ['acr_values', 1_025],
    ['claims', 4_097],
    ['login_hint', 257],
    ['id_token_hint', 8_193],
    ['dpop_jkt', 129],
    ['grant_id', 65],
    ['grant_management_action', 65],
  ])('is refused when %s has %i characters', (parameter, length) => {
    expect(() => parse({ ...form, [parameter]: 'x'.repeat(length) })).toThrow(
      expect.objectContaining({ code: 'parameter_too_long', facts: { parameter } }),
    );
  });

  it('accepts a state and a nonce of 512 characters', () => {
    const longest = 'x'.repeat(512);
    expect(parse({ ...form, state: longest, nonce: longest })).toMatchObject({ state: longest, nonce: longest });
  });

  it.each([
    ['response_type', 'token', 'response_type_unsupported'],
    ['response_type', 'id_token', 'response_type_unsupported'],
    ['response_type', 'code id_token', 'response_type_unsupported'],
    ['response_type', 'code token', 'response_type_unsupported'],
    ['response_type', 'none', 'response_type_unsupported'],
    ['response_type', 'CODE', 'response_type_unsupported'],
    ['response_mode', 'fragment', 'response_mode_unsupported'],
    ['response_mode', 'fragment.jwt', 'response_mode_unsupported'],
    ['response_mode', 'form_post', 'response_mode_unsupported'],
    ['response_mode', 'form_post.jwt', 'response_mode_unsupported'],
    ['response_mode', 'Query', 'response_mode_unsupported'],
    ['code_challenge_method', 'plain', 'code_challenge_method_unsupported'],
    ['code_challenge_method', 's256', 'code_challenge_method_unsupported'],
    ['code_challenge', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c', 'parameter_malformed'],
    ['code_challenge', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN', 'parameter_malformed'],
    ['code_challenge', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM', 'parameter_malformed'],
    ['redirect_uri', '/cb', 'parameter_malformed'],
    ['redirect_uri', 'https://rp.example/cb#a', 'parameter_malformed'],
    ['redirect_uri', 'https://rp.example/c b', 'parameter_malformed'],
    ['redirect_uri', 'https://rp.example/\u00e9', 'parameter_malformed'],
    ['state', 'a\nb', 'parameter_malformed'],
    ['state', 'stat\u00e9', 'parameter_malformed'],
    ['nonce', 'a\u0000', 'parameter_malformed'],
    ['scope', 'a  b', 'scope_malformed'],
    ['scope', ' a', 'scope_malformed'],
    ['scope', 'a ', 'scope_malformed'],
    ['scope', 'a\tb', 'scope_malformed'],
    ['scope', 'a"b', 'scope_malformed'],
    ['scope', 'a\\b', 'scope_malformed'],
    ['resource', '/orders', 'resource_malformed'],
    ['resource', 'https://venue.example/orders#1', 'resource_malformed'],
    ['resource', 'https://venue.example/orders https://venue.example/quotes', 'resource_malformed'],
    ['resource', ['https://venue.example/orders', 'https://venue.example/quotes'], 'resource_malformed'],
    ['authorization_details', '[', 'details_malformed'],
    ['authorization_details', '{}', 'details_malformed'],
    ['authorization_details', '[]', 'details_malformed'],
    ['authorization_details', [], 'details_malformed'],
    ['authorization_details', '[{"type":"a","type":"b"}]', 'details_malformed'],
    ['authorization_details', `${'['.repeat(65)}${']'.repeat(65)}`, 'details_malformed'],
    ['prompt', 'none login', 'prompt_contradictory'],
    ['prompt', 'create', 'parameter_malformed'],
    ['prompt', 'LOGIN', 'parameter_malformed'],
    ['max_age', '-1', 'parameter_malformed'],
    ['max_age', '1.5', 'parameter_malformed'],
    ['max_age', '1e3', 'parameter_malformed'],
    ['max_age', '007', 'parameter_malformed'],
    ['max_age', '12345678901', 'parameter_malformed'],
    ['max_age', -1, 'parameter_malformed'],
    ['max_age', 1e21, 'parameter_malformed'],
    ['claims', '[]', 'parameter_malformed'],
    ['claims', '"acr"', 'parameter_malformed'],
    ['claims', '{', 'parameter_malformed'],
    ['claims', { id_token: 'acr' }, 'parameter_malformed'],
    ['claims', { id_token: { acr: true } }, 'parameter_malformed'],
    ['claims', { id_token: { acr: { essential: 'true' } } }, 'parameter_malformed'],
    ['claims', { id_token: { acr: { values: 'urn:a' } } }, 'parameter_malformed'],
    ['claims', { id_token: { acr: { value: 5 } } }, 'parameter_malformed'],
    ['claims', { id_token: { acr: { values: [] } } }, 'parameter_malformed'],
    ['claims', { id_token: { acr: { values: Array(17).fill('urn:a') } } }, 'parameter_malformed'],
    ['claims', { id_token: { sub: { value: 'a' } }, userinfo: { sub: { value: 'b' } } }, 'parameter_malformed'],
    ['login_hint', 'a\u0007', 'parameter_malformed'],
    ['login_hint', '\ud800', 'parameter_malformed'],
    ['dpop_jkt', 'A'.repeat(42), 'parameter_malformed'],
    ['dpop_jkt', `${'A'.repeat(42)}=`, 'parameter_malformed'],
    ['grant_management_action', 'delete', 'parameter_malformed'],
    ['grant_id', 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3', 'grant_id_malformed'],
    ['grant_id', undefined, 'grant_management_contradictory'],
    ['grant_management_action', undefined, 'grant_management_contradictory'],
    ['grant_management_action', 'create', 'grant_management_contradictory'],
  ] as const)('is refused when %s is %j, as %s', (parameter, value, code) => {
    const error = expect.objectContaining({ code, category: 'invalid' });
    expect(() => parse({ ...form, [parameter]: value as Json | undefined })).toThrow(error);
  });

  it('does not repeat what was sent in its errors', () => {
    for (const parameter of Object.keys(form)) {
      try {
        parse({ ...form, [parameter]: 'SECRET \u0000' });
      } catch (error) {
        expect(
          JSON.stringify(error, Object.getOwnPropertyNames(error)).replaceAll(/"stack":"[^"]*"/g, ''),
        ).not.toContain('SECRET');
      }
    }
  });

  it('removes repeated scopes and allows at most 64', () => {
    expect(parse({ ...smallest, scope: 'a b a' }).scope).toEqual(['a', 'b']);
    const many = Array.from({ length: 65 }, (_, index) => `s${index}`).join(' ');
    expect(() => parse({ ...smallest, scope: many })).toThrow(expect.objectContaining({ code: 'parameter_too_long' }));
  });

  it('treats query.jwt as jwt, and query as the default', () => {
    expect(parse({ ...smallest, response_mode: 'query.jwt' }).responseMode).toBe('jwt');
    expect(parse({ ...smallest, response_mode: 'query' }).responseMode).toBe('query');
  });

  it.each([
    [{ id_token: { acr: null } }, { requiredAcrValues: [], acrValues: [] }],
    [
      { id_token: null, userinfo: { email: null } },
      { requiredAcrValues: [], acrValues: [] },
    ],
    [{ id_token: { acr: { essential: true } } }, { requiredAcrValues: [], acrValues: [] }],
    [{ id_token: { acr: { value: 'urn:a' } } }, { requiredAcrValues: [], acrValues: ['urn:a'] }],
    [{ userinfo: { acr: { essential: true, value: 'urn:a' } } }, { requiredAcrValues: ['urn:a'], acrValues: [] }],
    [
      { id_token: { acr: { essential: true, values: ['urn:a', 'urn:b'] } }, userinfo: { acr: { value: 'urn:c' } } },
      { requiredAcrValues: ['urn:a', 'urn:b'], acrValues: ['urn:c'] },
    ],
    [{ verified_claims: 5, id_token: { auth_time: { essential: true } } }, { requiredAcrValues: [] }],
  ])('applies the required members of the claims parameter %j', (claims, expected) => {
    expect(parse({ ...smallest, claims })).toMatchObject(expected);
    expect(parse({ ...smallest, claims: JSON.stringify(claims) })).toMatchObject(expected);
  });

  it('has an OAuth error for each of its codes', () => {
    expect(Object.keys(oauthErrorOfAuthorizationRequest)).toEqual(Object.keys(authorizationRequestErrors.codes));
  });

  it('states where the answer goes before any other check', () => {
    const broken = new Map<string, Json>([...Object.entries(smallest), ['response_type', 'token'], ['state', 's']]);
    expect(parseResponseTarget(broken)).toEqual({
      clientId: 'dashboard',
      redirectUri: form.redirect_uri,
      responseMode: 'query',
      state: 's',
    });
    // `parseAuthorizationRequest` refuses an unsupported mode; the error goes back in the default mode.
    for (const mode of ['fragment', 'pigeon', 7])
      expect(parseResponseTarget(new Map([...broken, ['response_mode', mode]]))).toMatchObject({
        responseMode: 'query',
      });
    expect(parseResponseTarget(new Map([...broken, ['response_mode', 'query.jwt']]))).toMatchObject({
      responseMode: 'jwt',
    });
    expect(() => parseResponseTarget(new Map([['client_id', 'a']]))).toThrow(
      expect.objectContaining({ code: 'parameter_missing' }),
    );
  });

  it('never fails with anything but its own error codes, whatever is sent', () => {
    const names = fc.constantFrom(...Object.keys(form));
    const values = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 600 }),
      fc.jsonValue(),
      fc.json(),
      fc.constantFrom(...Object.values(form)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values), { maxLength: 4 }), (changes) => {
        try {
          parse({ ...form, ...Object.fromEntries(changes as readonly (readonly [string, Json])[]) });
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
          expect(authorizationRequestErrors.codes).toHaveProperty((error as CodedError).code);
        }
      }),
    );
  });

  it('survives a form unchanged', () => {
    expect(parseAuthorizationRequest(parseForm(new URLSearchParams(form).toString()))).toEqual(parse(form));
  });
});
