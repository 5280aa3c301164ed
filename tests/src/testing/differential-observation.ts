import { decodeJwt } from 'jose';
import { type Answer, membersOf } from './differential-requests.ts';
import type { Side } from './differential-side.ts';
import type { Visit } from './person-browser.ts';
import { redirectUri } from './relying-parties.ts';

/** The compared parts of a response. Parts that vary between two runs of the same server are left out. */
export type Observation = Readonly<Partial<Record<ObservedPart, string>>>;

export const observedParts = [
  'status',
  'type',
  'error',
  'members',
  'token_type',
  'expires_in',
  'scope',
  'active',
  'iss',
  'client_id',
  'cnf',
  'introspection',
  'Cache-Control',
  'WWW-Authenticate',
  'DPoP-Nonce',
  'leads to',
  'response',
  'response error',
  'response iss',
  'response state',
  'value',
] as const;
export type ObservedPart = (typeof observedParts)[number];

/** A response to a client. */
export function observe(side: Side, answer: Answer): Observation {
  const { status, headers } = answer;
  const members = membersOf(answer);
  const told = (name: string): string | undefined => textOf(side, members[name]);
  const names = Object.keys(members).sort().join(' ');
  return defined({
    status: String(status),
    type: answer.text === '' ? undefined : headers.get('content-type')?.split(';')[0],
    error: told('error'),
    members: names === '' ? undefined : names,
    token_type: told('token_type'),
    expires_in: told('expires_in'),
    scope: told('scope'),
    active: told('active'),
    iss: told('iss'),
    client_id: told('client_id'),
    cnf: membersIn(members['cnf']),
    introspection: introspectionIn(answer),
    'Cache-Control': headers.get('cache-control') ?? undefined,
    'WWW-Authenticate': challengeIn(side, headers.get('www-authenticate')),
    'DPoP-Nonce': headers.has('dpop-nonce') ? 'a nonce' : undefined,
    ...(headers.has('location') ? whither(side, new URL(headers.get('location') ?? '', side.issuer)) : {}),
  });
}

/** The page at which a browser has arrived. */
export function observeVisit(side: Side, { status, leaves, headers, url }: Visit): Observation {
  if (leaves !== undefined) return defined({ status: String(status), ...whither(side, leaves) });
  const signIn = url.pathname.startsWith('/sign-in/') || url.pathname.startsWith('/interaction/');
  return defined({
    status: String(status),
    type: headers.get('content-type')?.split(';')[0],
    'leads to': signIn ? 'the sign-in' : 'a page',
    'Cache-Control': headers.get('cache-control') ?? undefined,
  });
}

/** The parameters at a redirect URI; for a signed response (JARM) those inside. */
export function whither(side: Side, location: URL): Observation {
  if (location.href.startsWith(redirectUri)) {
    const plain = Object.fromEntries(location.searchParams);
    const signed = plain['response'];
    const parameters: Readonly<Record<string, unknown>> = signed === undefined ? plain : { ...decodeJwt(signed) };
    return defined({
      'leads to': location.hash === '' ? 'the client' : 'the client, in a fragment',
      response: `${signed === undefined ? '' : 'signed: '}${Object.keys(parameters).sort().join(' ')}`,
      'response error': textOf(side, parameters['error']),
      'response iss': textOf(side, parameters['iss']),
      'response state': textOf(side, parameters['state']),
    });
  }
  return { 'leads to': location.origin === side.issuer ? 'the sign-in' : location.origin };
}

/** A value with the server's own names replaced. */
export function textOf({ issuer, mtlsBase }: Side, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll(issuer, '{issuer}').replaceAll(mtlsBase, '{mtls}');
}

function membersIn(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? Object.keys(value).sort().join(' ') : undefined;
}

/** RFC 9701: the content of the signed form, and its header. */
function introspectionIn({ headers, text }: Answer): string | undefined {
  if (headers.get('content-type')?.startsWith('application/token-introspection+jwt') !== true) return undefined;
  const claims = decodeJwt(text);
  return `${Object.keys(claims).sort().join(' ')}; inside: ${membersIn(claims['token_introspection']) ?? 'nothing'}`;
}

function challengeIn(side: Side, challenge: string | null): string | undefined {
  return challenge === null
    ? undefined
    : textOf(side, challenge.replace(/(realm|error_description)="[^"]*"/g, '$1').replace(/algs="[^"]*"/g, 'algs'));
}

function defined(observation: Readonly<Partial<Record<ObservedPart, string | undefined>>>): Observation {
  return Object.fromEntries(Object.entries(observation).filter(([, value]) => value !== undefined));
}
