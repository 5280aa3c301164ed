import { expect } from 'vitest';
import { clientAssertionType } from './credentials.ts';
import { encodeFields, type Fields, formType, type RawClient } from './raw-client.ts';
import { send, type WireAnswer } from './wire.ts';

/**
 * A response as one line: `accepted`; `400 invalid_request parameter_missing` (status, OAuth error, rule); `400
 * body_too_large` (a problem document); `400 page request_uri_unknown`; `303 invalid_scope` (sent to the client).
 */
export type Verdict = string;

type Value = string | (() => string);

/** One parameter of an endpoint, with the verdict for each way in which it can be wrong. */
export interface ParameterRule {
  readonly name: string;
  readonly missing: Verdict;
  /** Sent twice, with the same and with another value; `400 invalid_request form_repeated` by default. */
  readonly doubled?: Verdict;
  readonly oversized: Verdict;
  /** Replaces the common oversized value. */
  readonly oversize?: Value;
  /** Of another type or form, or of the right form but for somebody else. */
  readonly malformed: readonly (readonly [what: string, value: Value, verdict: Verdict])[];
}

export interface Mutation {
  readonly name: string;
  readonly verdict: Verdict;
  of(valid: Fields): Fields;
}

const repeated = '400 invalid_request form_repeated';

/**
 * Every way in which each of the parameters can be wrong. @param size characters of an oversized value: more than any
 * parameter may have, and less than a request may
 */
export function mutationsOf(rules: readonly ParameterRule[], size = 20_000): readonly Mutation[] {
  return rules.flatMap(({ name, missing, doubled = repeated, oversized, oversize = 'x'.repeat(size), malformed }) => {
    const without = (valid: Fields): Fields => valid.filter(([other]) => other !== name);
    const set = (valid: Fields, value: Value): Fields => [
      ...without(valid),
      [name, typeof value === 'string' ? value : value()],
    ];
    const held = (valid: Fields): string => valid.find(([other]) => other === name)?.[1] ?? 'x';
    return [
      { name: `${name} missing`, verdict: missing, of: without },
      { name: `${name} without a value`, verdict: missing, of: (valid: Fields) => set(valid, '') },
      {
        name: `${name} doubled`,
        verdict: doubled,
        of: (valid: Fields): Fields => [...set(valid, held(valid)), [name, held(valid)]],
      },
      {
        name: `${name} doubled with another value`,
        verdict: doubled,
        of: (valid: Fields): Fields => [...set(valid, held(valid)), [name, 'another']],
      },
      {
        name: `${name} doubled, once without a value`,
        verdict: doubled,
        of: (valid: Fields): Fields => [[name, ''], ...set(valid, held(valid))],
      },
      { name: `${name} oversized`, verdict: oversized, of: (valid: Fields) => set(valid, oversize) },
      ...malformed.map(([what, value, verdict]) => ({
        name: `${name}: ${what}`,
        verdict,
        of: (valid: Fields) => set(valid, value),
      })),
    ];
  });
}

const unauthenticated = '401 invalid_client client_authentication_missing';
const severalMethods = '400 invalid_request client_authentication_several';
const malformedAssertion = '401 invalid_client client_assertion_malformed';

/** The authentication parameters of a client, the same for every endpoint. */
export function authenticationRules(client: () => RawClient, another: () => RawClient): readonly ParameterRule[] {
  const differs = '401 invalid_client client_id_differs';
  return [
    {
      name: 'client_id',
      // RFC 7521 section 4.2: the assertion contains it too.
      missing: 'accepted',
      oversized: differs,
      malformed: [
        ['of another client', () => another().id, differs],
        ['in capitals', () => client().id.toUpperCase(), differs],
      ],
    },
    {
      name: 'client_assertion_type',
      missing: unauthenticated,
      oversized: unauthenticated,
      malformed: [
        ['of SAML', 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer', unauthenticated],
        ['in capitals', clientAssertionType.toUpperCase(), unauthenticated],
      ],
    },
    {
      name: 'client_assertion',
      missing: unauthenticated,
      oversized: malformedAssertion,
      malformed: [
        ['no JWS', 'text', malformedAssertion],
        ['two parts', () => client().assertion().split('.').slice(0, 2).join('.'), malformedAssertion],
        ['five parts, as a JWE has', 'eyJhbGciOiJub25lIn0.a.b.c.d', malformedAssertion],
        ['in the JSON serialization', () => flattened(client().assertion()), malformedAssertion],
        ['a list in JSON', () => JSON.stringify([client().assertion()]), malformedAssertion],
        ['of another client', () => another().assertion(), differs],
      ],
    },
  ];
}

/** RFC 7515 section 7.2.2. */
function flattened(jws: string): string {
  const [header, payload, signature] = jws.split('.');
  return JSON.stringify({ protected: header, payload, signature });
}

/**
 * The header in which the client endpoints name the violated rule; the backchannel endpoint has no member for it in its
 * body.
 */
const reasonHeader = 'countersign-reason';

export function verdictOf({ status, headers, members, body }: WireAnswer): Verdict {
  const { location } = headers;
  if (location !== undefined) {
    const to = new URL(location, 'http://here.invalid');
    if (to.hostname === 'here.invalid') return status === 303 ? 'accepted' : `${status} ${to.pathname}`;
    return `${status} ${to.searchParams.get('error') ?? 'told something else'}`;
  }
  if (status < 300) return 'accepted';
  const page = /<code>([^<]*)<\/code>/.exec(body)?.[1];
  if (page !== undefined) return `${status} page ${page}`;
  const { error, reason, code } = members;
  return [status, ...(typeof error === 'string' ? [error, headers[reasonHeader] ?? reason] : [code])].join(' ');
}

/** A refusal contains only our own words, and nothing that was sent or could be used. */
export function expectNothingReleased(answer: WireAnswer, sent: Fields = []): void {
  expect(answer.status).toBeGreaterThanOrEqual(303);
  expect(answer.status).toBeLessThan(500);
  // A redirected browser keeps only the cookie of its visit.
  if (answer.headers.location === undefined) expect(answer.headers['set-cookie']).toBeUndefined();
  expect(answer.headers['cache-control']).toBe('no-store');
  const said = `${answer.body} ${answer.headers.location ?? ''}`;
  if (answer.headers.location === undefined && answer.members['error'] !== undefined)
    expect(Object.keys(answer.members).filter((member) => member !== 'reason')).toEqual(['error', 'error_description']);
  // The same code in both places, or in the header only.
  if (answer.headers[reasonHeader] !== undefined && answer.members['reason'] !== undefined)
    expect(answer.headers[reasonHeader]).toBe(answer.members['reason']);
  for (const name of ['access_token', 'refresh_token', 'id_token', 'request_uri', 'auth_req_id', 'active', 'sub'])
    expect(said).not.toContain(`"${name}":`);
  expect(said).not.toMatch(/[?&](?:code|response)=/);
  // A short value may be one of our words; a long one is input.
  for (const [, value] of sent) if (value.length >= 100) expect(said).not.toContain(value.slice(0, 100));
}

/** One case of a matrix: checks the verdict, and that a refusal releases nothing. */
export function expectVerdict(answer: WireAnswer, verdict: Verdict, sent: Fields = []): void {
  expect(verdictOf(answer)).toBe(verdict);
  if (verdict !== 'accepted') expectNothingReleased(answer, sent);
}

/** Log lines that report an internal error. */
export function faultsIn(logged: string): readonly string[] {
  return logged.split('\n').filter((line) => line.includes('by a fault of ours') || /"level":(?:50|60)/.test(line));
}

export interface TransportCase {
  readonly name: string;
  readonly verdict: Verdict;
  send(client: RawClient, url: string, fields: Fields): Promise<WireAnswer>;
}

const noForm = '400 invalid_request media_type_unsupported';

/** Requests to a form endpoint that are invalid before a parameter is read, and doubled headers. */
export const transportCases: readonly TransportCase[] = [
  ...[
    ['JSON', 'application/json'],
    ['plain text', 'text/plain'],
    ['a form of several parts', 'multipart/form-data; boundary=x'],
    ['XML', 'application/xml'],
    ['a type that only begins like a form', 'application/x-www-form-urlencoded-too'],
  ].map(([what = '', type = '']) => ({
    name: `a form that calls itself ${what}`,
    verdict: noForm,
    send: (client: RawClient, url: string, fields: Fields) =>
      send({
        method: 'POST',
        url,
        headers: { 'content-type': type, dpop: client.proof(url) },
        body: type === 'application/json' ? JSON.stringify(Object.fromEntries(fields)) : encodeFields(fields),
      }),
  })),
  {
    name: 'JSON that calls itself a form',
    verdict: '400 invalid_request form_malformed',
    send: (client, url, fields) => form(client, url, JSON.stringify({ ...Object.fromEntries(fields), text: 'a b' })),
  },
  {
    name: 'a body without a type',
    verdict: noForm,
    send: (client, url, fields) =>
      send({ method: 'POST', url, headers: { dpop: client.proof(url) }, body: encodeFields(fields) }),
  },
  {
    name: 'no body',
    verdict: unauthenticated,
    send: (client, url) => form(client, url, ''),
  },
  {
    name: 'an oversized body',
    verdict: '413 invalid_request form_too_large',
    send: (client, url, fields) => form(client, url, `${encodeFields(fields)}&padding=${'x'.repeat(66_000)}`),
  },
  {
    name: 'a body over what is read at all',
    verdict: '413 invalid_request body_too_large',
    send: (client, url, fields) => form(client, url, `${encodeFields(fields)}&padding=${'x'.repeat(600_000)}`),
  },
  {
    name: 'more parameters than a form may have',
    verdict: '413 invalid_request form_too_large',
    send: (client, url, fields) =>
      form(client, url, encodeFields([...fields, ...Array.from({ length: 41 }, (_, i) => [`p${i}`, 'x'] as const)])),
  },
  {
    name: 'a parameter without a name',
    verdict: '400 invalid_request form_malformed',
    send: (client, url, fields) => form(client, url, `${encodeFields(fields)}&=x`),
  },
  {
    name: 'a percent-encoding that is not UTF-8',
    verdict: '400 invalid_request form_malformed',
    send: (client, url, fields) => form(client, url, `${encodeFields(fields)}&other=%ff`),
  },
  {
    name: 'a percent-encoding that breaks off',
    verdict: '400 invalid_request form_malformed',
    send: (client, url, fields) => form(client, url, `${encodeFields(fields)}&other=%4`),
  },
  {
    name: 'a parameter doubled under an encoded name',
    verdict: repeated,
    send: (client, url, fields) => form(client, url, `${encodeFields(fields)}&client%5Fassertion=x`),
  },
  {
    name: 'an Authorization header beside the assertion',
    verdict: severalMethods,
    send: (client, url, fields) => form(client, url, encodeFields(fields), { authorization: basic(client.id) }),
  },
  {
    name: 'two Authorization headers',
    verdict: severalMethods,
    send: (client, url, fields) =>
      form(client, url, encodeFields(fields), { authorization: [basic(client.id), 'Bearer x'] }),
  },
  {
    name: 'a client secret beside the assertion',
    verdict: severalMethods,
    send: (client, url, fields) => form(client, url, encodeFields([...fields, ['client_secret', 'secret']])),
  },
  {
    name: 'a client secret and nothing else',
    verdict: unauthenticated,
    send: (client, url, fields) =>
      form(
        client,
        url,
        encodeFields([...fields.filter(([name]) => !name.startsWith('client_assertion')), ['client_secret', 'secret']]),
      ),
  },
  ...['GET', 'PUT', 'PATCH', 'DELETE'].map((method) => ({
    name: `the method ${method}`,
    verdict: '405 invalid_request method_not_allowed',
    send: (client: RawClient, url: string, fields: Fields) =>
      method === 'GET'
        ? send({ method, url: `${url}?${encodeFields(fields)}`, headers: { dpop: client.proof(url, { htm: method }) } })
        : form(client, url, encodeFields(fields), { dpop: client.proof(url, { htm: method }) }, method),
  })),
];

/** Two DPoP headers, at an endpoint that reads them. */
export const doubledProofs: readonly TransportCase[] = [
  {
    name: 'two DPoP headers',
    verdict: '400 invalid_dpop_proof proof_repeated',
    send: (client, url, fields) =>
      form(client, url, encodeFields(fields), { dpop: [client.proof(url), client.proof(url)] }),
  },
  {
    name: 'the same DPoP header twice',
    verdict: '400 invalid_dpop_proof proof_repeated',
    send: (client, url, fields) => {
      const proof = client.proof(url);
      return form(client, url, encodeFields(fields), { dpop: [proof, proof] });
    },
  },
];

function form(
  client: RawClient,
  url: string,
  body: string,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  method = 'POST',
): Promise<WireAnswer> {
  return send({ method, url, headers: { 'content-type': formType, dpop: client.proof(url), ...headers }, body });
}

const basic = (id: string): string => `Basic ${Buffer.from(`${id}:secret`).toString('base64')}`;
