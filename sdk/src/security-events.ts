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

/** Why a Security Event Token is not accepted. */
export const securityEventErrors = errorVocabulary({
  security_event_malformed: 'invalid',
  /** Signed by nobody whom the control plane names, or not signed. */
  security_event_key: 'unauthenticated',
  security_event_signature: 'unauthenticated',
  security_event_issuer: 'unauthenticated',
  /** It is for another receiver. */
  security_event_audience: 'unauthenticated',
});

/** What has happened to a session, a token or a credential (RFC 8417). It may come more than once: `jti` tells. */
export interface SecurityEvent {
  readonly jti: string;
  /** Whom it is about (RFC 9493; `complex` in the Shared Signals Framework). */
  readonly subject: Readonly<Record<string, Json>> & { readonly format: string };
  /** Event type URI, e.g. `https://schemas.openid.net/secevent/caep/event-type/session-revoked`. */
  readonly type: string;
  readonly event: Readonly<Record<string, Json>>;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly occurredAt?: number;
  /** Events that have it in common come of one cause. */
  readonly cause?: string;
}

/** Checks the security events that the control plane sends to one receiver. */
export interface SecurityEventVerifier {
  /** @throws CodedError of {@link securityEventErrors}; `issuer_keys_unavailable` while the keys cannot be had */
  verify(token: string): Promise<SecurityEvent>;
  /**
   * The same for one that is pushed to us (RFC 8935). Answer it with 202 once the event is ours, and what is thrown with
   * {@link securityEventRefusal}.
   */
  verifyRequest(request: ReceivedRequest): Promise<SecurityEvent>;
}

const maxTokenLength = 65_536;
const type = 'secevent+jwt';

interface Receiving {
  /** The control plane, exactly as it calls itself. */
  readonly issuer: string;
  /** `aud` of the stream, as its configuration says. */
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
        throw refuse('security_event_malformed', 'It is posted, as application/secevent+jwt.');
      if (body.length > maxTokenLength) throw refuse('security_event_malformed', 'It is too long.');
      return verify(Buffer.from(body).toString('latin1'));
    },
  };
}

/** The answer to a push that was not accepted (RFC 8935 section 2.3). What is not about the token comes again. */
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

/** In the registry of RFC 8935 section 7.1. */
const errorCodes: Readonly<Record<keyof typeof securityEventErrors.codes, string>> = {
  security_event_malformed: 'invalid_request',
  security_event_key: 'invalid_key',
  security_event_signature: 'authentication_failed',
  security_event_issuer: 'invalid_issuer',
  security_event_audience: 'invalid_audience',
};

function registeredCode({ code }: CodedError): string {
  return (errorCodes as Readonly<Record<string, string>>)[code] ?? 'invalid_request';
}

export interface SecurityEventPage {
  readonly events: readonly SecurityEvent[];
  /**
   * What could not be accepted. The control plane gives these up when the next page is asked for; one whose key is not
   * known yet is not among them, and comes again.
   */
  readonly refused: readonly { readonly jti: string; readonly error: CodedError }[];
  readonly moreAvailable: boolean;
}

/** Polls a stream (RFC 8936). */
export interface SecurityEventReader {
  /**
   * The next events; none when nothing happened. To ask for the next page is to say that those of the page before have
   * been dealt with: until then they come again, after a restart too.
   */
  next(): Promise<SecurityEventPage>;
}

/**
 * @param options.stream `stream_id` of a stream that is polled for
 * @param options.limit most events of one page, at most 100
 * @param options.wait whether to wait for something to happen; true when left out. The transport of `client` must bear
 *   it: 20 seconds
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
      // They are acknowledged: what fails from here on must not do so twice, and harms nobody if it does.
      [taken, refused] = [[], []];
      const page = await readPage(answer.body, verifier);
      [taken, refused] = [page.events.map(({ jti }) => jti), page.refused];
      return page;
    },
  };
}

async function readPage(body: unknown, verifier: SecurityEventVerifier): Promise<SecurityEventPage> {
  const { sets, moreAvailable } = isObject(body) ? body : {};
  if (!isObject(sets))
    throw refuse('security_event_malformed', 'The control plane answered with something else than events.');
  const events: SecurityEvent[] = [];
  const refused: { readonly jti: string; readonly error: CodedError }[] = [];
  for (const [jti, token] of Object.entries(sets)) {
    try {
      const event = await verifier.verify(typeof token === 'string' ? token : '');
      // By its name it is acknowledged: one under another's would acknowledge the other.
      if (event.jti !== jti) throw refuse('security_event_malformed', 'It is named by another jti than its own.');
      events.push(event);
    } catch (error) {
      // While the keys cannot be had nothing is known of any of them.
      if (!isCodedError(error) || !(error.code in errorCodes)) throw error;
      // A key that was published a moment ago: it is signed again, and comes again, and is not to be given up.
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
  // Section 4.1.1 of the framework: one key may sign many kinds of JWT, and this is exactly one of them.
  if (!hasType(jws.header, type)) throw refuse('security_event_malformed', `Its typ must be ${type}.`);
  if (jws.unverifiedClaims['iss'] !== expected.issuer)
    throw refuse('security_event_issuer', `Its issuer must be ${expected.issuer}.`);
  const key = jws.header.kid === undefined ? undefined : keyOf(jws.header.kid);
  if (key === undefined) throw refuse('security_event_key', 'It names no key of the control plane that is in use.');
  const claims = verifyJws(jws, key, refuseJws);
  const { toe, txn } = claims;
  // Sections 4.1.2 and 4.1.7: prohibited, so that nothing takes it for another kind of token.
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
    throw refuse('security_event_malformed', 'It must say by sub_id whom it is about.');
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
