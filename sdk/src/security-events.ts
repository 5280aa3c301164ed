import {
  type Clock,
  type CodedError,
  errorVocabulary,
  isCodedError,
  type Json,
  membersOf,
  systemClock,
} from '@countersign/kernel';
import {
  type ClaimFault,
  checkClaims,
  hasType,
  type JwsProblem,
  parseCompactJws,
  type VerificationKey,
  verifyJws,
} from '@countersign/oauth/signatures';
import type { Client } from './client.ts';
import { createIssuerKeys } from './issuer-keys.ts';
import type { ReceivedRequest } from './message-signature.ts';
import { createTokenSource } from './token-source.ts';
import { createTransport, isObject, refusalOf, type Transport } from './transport.ts';

export const securityEventErrors = errorVocabulary({
  security_event_malformed: 'invalid',
  /** Unsigned, or signed by an unpublished key. */
  security_event_key: 'unauthenticated',
  security_event_signature: 'unauthenticated',
  security_event_issuer: 'unauthenticated',
  security_event_audience: 'unauthenticated',
});

/** RFC 8417. May be delivered more than once; `jti` identifies it. */
export interface SecurityEvent {
  readonly jti: string;
  /** RFC 9493; `complex` in the Shared Signals Framework. */
  readonly subject: Readonly<Record<string, Json>> & { readonly format: string };
  /** URI, e.g. `https://schemas.openid.net/secevent/caep/event-type/session-revoked`. */
  readonly type: string;
  readonly event: Readonly<Record<string, Json>>;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly occurredAt?: number;
  /** Shared by events with the same cause. */
  readonly cause?: string;
}

export interface SecurityEventVerifier {
  /** @throws CodedError of {@link securityEventErrors}; `issuer_keys_unavailable` */
  verify(token: string): Promise<SecurityEvent>;
  /** RFC 8935. Store the event before you answer 202, and answer an error with {@link securityEventRefusal}. */
  verifyRequest(request: ReceivedRequest): Promise<SecurityEvent>;
}

const maxTokenLength = 65_536;
const type = 'secevent+jwt';

interface Receiving {
  /** Issuer identifier, exactly as published. */
  readonly issuer: string;
  /** The `aud` of the stream's configuration. */
  readonly audience: string;
  readonly transport?: Transport;
  readonly clock?: Clock;
}

export function createSecurityEventVerifier(options: Receiving): SecurityEventVerifier {
  const { issuer, audience, transport = createTransport(), clock = systemClock } = options;
  const keys = createIssuerKeys({ issuer, transport, clock, path: '/signals/keys' });

  const verify = (token: string): Promise<SecurityEvent> =>
    keys.with(
      (keyOf) => verifyToken(token, keyOf, { issuer, audience, nowSeconds: clock.now() / 1000 }),
      (error) => securityEventErrors.is(error, 'security_event_key'),
    );

  return {
    verify,
    async verifyRequest({ method, headers, body }) {
      const contentType = headers['content-type'];
      if (
        method.toUpperCase() !== 'POST' ||
        typeof contentType !== 'string' ||
        !/^application\/secevent\+jwt\s*(;|$)/i.test(contentType)
      )
        throw refuse('security_event_malformed', 'It must be posted as application/secevent+jwt.');
      if (body.length > maxTokenLength) throw refuse('security_event_malformed', 'It is too long.');
      return verify(Buffer.from(body).toString('latin1'));
    },
  };
}

/** RFC 8935 section 2.3. The sender retries unless the token is at fault. */
export function securityEventRefusal(error: unknown): {
  readonly status: 400 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  if (!isCodedError(error) || !(error.code in errorCodes)) return { status: 503, headers: {}, body: '' };
  return {
    status: 400,
    headers: { 'content-type': 'application/json', 'content-language': 'en' },
    body: JSON.stringify({ err: registeredCode(error), description: error.detail }),
  };
}

/** RFC 8935 section 7.1. */
const errorCodes: Readonly<Record<keyof typeof securityEventErrors.codes, string>> = {
  security_event_malformed: 'invalid_request',
  security_event_key: 'invalid_key',
  security_event_signature: 'authentication_failed',
  security_event_issuer: 'invalid_issuer',
  security_event_audience: 'invalid_audience',
};

function registeredCode({ code }: CodedError): string {
  // Looked up by any code.
  return (errorCodes as Readonly<Record<string, string>>)[code] ?? 'invalid_request';
}

export interface SecurityEventPage {
  readonly events: readonly SecurityEvent[];
  /** Dropped at the next request. Events with an unknown key are sent again instead. */
  readonly refused: readonly { readonly jti: string; readonly error: CodedError }[];
  readonly moreAvailable: boolean;
}

/** RFC 8936. */
export interface SecurityEventReader {
  /** Acknowledges the previous page. Unacknowledged events are sent again, also after a restart. */
  next(): Promise<SecurityEventPage>;
}

/**
 * @param options.stream `stream_id` with poll delivery @param options.limit at most 100 @param options.wait for an
 * event; true by default. The transport of `client` must then allow 20 seconds
 */
export function createSecurityEventReader(
  options: Receiving & {
    readonly client: Client;
    readonly stream: string;
    readonly limit?: number;
    readonly wait?: boolean;
  },
): SecurityEventReader {
  const { issuer, client, stream, limit = 100, wait = true } = options;
  const verifier = createSecurityEventVerifier(options);
  const tokenFor = createTokenSource(options);
  let taken: readonly string[] = [];
  let refused: SecurityEventPage['refused'] = [];
  return {
    async next() {
      const token = await tokenFor(`${issuer}/signals`, 'signal:subscribe');
      const setErrs = refused.map(({ jti, error }) => [jti, { err: registeredCode(error), description: error.detail }]);
      const answer = await client.call(token, {
        method: 'POST',
        url: `${issuer}/signals/poll/${encodeURIComponent(stream)}`,
        body: {
          maxEvents: limit,
          returnImmediately: !wait,
          ...(taken.length === 0 ? {} : { ack: taken }),
          ...(setErrs.length === 0 ? {} : { setErrs: Object.fromEntries(setErrs) }),
        },
      });
      if (answer.status >= 400) throw refusalOf(answer);
      // Acknowledged now; a later failure must not acknowledge them again.
      [taken, refused] = [[], []];
      const page = await readPage(answer.body, verifier);
      [taken, refused] = [page.events.map(({ jti }) => jti), page.refused];
      return page;
    },
  };
}

async function readPage(body: unknown, verifier: SecurityEventVerifier): Promise<SecurityEventPage> {
  const { sets, moreAvailable } = isObject(body) ? body : {};
  if (!isObject(sets)) throw refuse('security_event_malformed', 'The answer of the control plane has no events.');
  const events: SecurityEvent[] = [];
  const refused: { readonly jti: string; readonly error: CodedError }[] = [];
  for (const [jti, token] of Object.entries(sets)) {
    try {
      const event = await verifier.verify(typeof token === 'string' ? token : '');
      // A token under another `jti` would acknowledge the wrong event.
      if (event.jti !== jti) throw refuse('security_event_malformed', 'It is listed under another jti than its own.');
      events.push(event);
    } catch (error) {
      // Without keys, no event can be judged.
      if (!isCodedError(error) || !(error.code in errorCodes)) throw error;
      // The key may be new. The event is sent again, so it must not be dropped.
      if (error.code !== 'security_event_key') refused.push({ jti, error });
    }
  }
  return { events, refused, moreAvailable: moreAvailable === true };
}

function verifyToken(
  token: string,
  keyOf: (kid: string) => VerificationKey | undefined,
  expected: { readonly issuer: string; readonly audience: string; readonly nowSeconds: number },
): SecurityEvent {
  const jws = parseCompactJws(token, refuseJws, { maxLength: maxTokenLength });
  // Shared Signals Framework section 4.1.1: one key may sign several kinds of JWT.
  if (!hasType(jws.header, type)) throw refuse('security_event_malformed', `Its typ must be ${type}.`);
  if (jws.unverifiedClaims['iss'] !== expected.issuer)
    throw refuse('security_event_issuer', `Its issuer must be ${expected.issuer}.`);
  const key = jws.header.kid === undefined ? undefined : keyOf(jws.header.kid);
  if (key === undefined) throw refuse('security_event_key', 'It names no key of the control plane that is in use.');
  const claims = verifyJws(jws, key, refuseJws);
  const { toe, txn } = claims;
  // Sections 4.1.2 and 4.1.7 prohibit both, so that no one accepts the event as another kind of token.
  if (Object.hasOwn(claims, 'sub') || Object.hasOwn(claims, 'exp'))
    throw refuse('security_event_malformed', 'It must have neither sub nor exp.');
  const { jti, iat } = checkClaims(
    claims,
    {
      nowSeconds: expected.nowSeconds,
      required: ['iat', 'jti'],
      audience: [expected.audience],
      audienceArray: 'several',
    },
    refuseClaims,
  );
  const subject = membersOf(claims['sub_id']);
  const format = subject?.['format'];
  if (subject === undefined || typeof format !== 'string')
    throw refuse('security_event_malformed', 'It must name its subject in sub_id.');
  const [only, ...others] = Object.entries(membersOf(claims['events']) ?? {});
  const event = membersOf(only?.[1]);
  if (only === undefined || event === undefined || others.length > 0)
    throw refuse('security_event_malformed', 'It must hold one event.');
  return {
    ...{ jti, subject: { ...subject, format }, type: only[0], event, issuedAt: iat },
    ...(typeof toe === 'number' ? { occurredAt: toe } : {}),
    ...(typeof txn === 'string' ? { cause: txn } : {}),
  };
}

function refuseClaims(fault: ClaimFault, detail: string): CodedError {
  return refuse(fault === 'audience' ? 'security_event_audience' : 'security_event_malformed', detail);
}

function refuseJws(problem: JwsProblem, detail: string): CodedError {
  return refuse(problem === 'malformed' ? 'security_event_malformed' : 'security_event_signature', detail);
}

function refuse(code: keyof typeof securityEventErrors.codes, detail: string): CodedError {
  return securityEventErrors.error(code, `The security event is not accepted. ${detail}`);
}
