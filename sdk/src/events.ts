import { isUtf8 } from 'node:buffer';
import {
  type Clock,
  defined,
  type Json,
  membersOf,
  parseId,
  parseJson,
  type RecordId,
  systemClock,
} from '@countersign/kernel';
import type { Client } from './client.ts';
import { createIssuerKeys } from './issuer-keys.ts';
import { eventErrors, type ReceivedRequest, verifyMessageSignature } from './message-signature.ts';
import { createTokenSource } from './token-source.ts';
import { createTransport, isObject, refusalOf, type Transport } from './transport.ts';

export { eventErrors, type ReceivedRequest } from './message-signature.ts';

/** CloudEvents 1.0.2. May be delivered more than once; `id` identifies it. */
export interface ControlPlaneEvent {
  readonly id: RecordId;
  readonly source: string;
  /** E.g. `countersign.mandate.revoked`. */
  readonly type: string;
  readonly subject: string;
  /** RFC 3339. */
  readonly time: string;
  /** Index in the log as 20 digits, which sorts as text. */
  readonly sequence: string;
  readonly data: Json;
}

export interface EventVerifier {
  /** @throws CodedError of {@link eventErrors}; answer 401 or 400, and the control plane sends the event again */
  verify(request: ReceivedRequest): Promise<ControlPlaneEvent>;
}

const maxBodyBytes = 256 * 1_024;

/**
 * @param options.issuer issuer identifier, exactly as published @param options.url address of the subscription, as
 * registered @param options.maxAgeSeconds of a signature; five minutes by default. Detect repetitions by the event's id
 */
export function createEventVerifier(options: {
  readonly issuer: string;
  readonly url: string;
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly maxAgeSeconds?: number;
}): EventVerifier {
  const { issuer, url, transport = createTransport(), clock = systemClock, maxAgeSeconds = 300 } = options;
  const keys = createIssuerKeys({ issuer, transport, clock, path: '/events/keys' });
  // Normalised like the sender's: `https://ops.example` becomes `https://ops.example/`.
  const targetUri = new URL(url).href;
  return {
    async verify(request) {
      if (request.method.toUpperCase() !== 'POST') throw eventErrors.error('event_malformed', 'Events are posted.');
      if (request.body.length > maxBodyBytes)
        throw eventErrors.error('event_malformed', `An event has at most ${maxBodyBytes} bytes.`);
      await keys.with(
        (keyOf) => verifyMessageSignature(request, keyOf, { targetUri, now: clock.now(), maxAgeSeconds }),
        (error) => eventErrors.is(error, 'event_key_unknown'),
      );
      const type = request.headers['content-type'];
      if (typeof type !== 'string' || !/^application\/cloudevents\+json\s*(;|$)/i.test(type))
        throw eventErrors.error('event_malformed', 'An event comes as application/cloudevents+json.');
      const event = isUtf8(request.body) ? readEvent(parseText(Buffer.from(request.body).toString('utf8'))) : undefined;
      if (event === undefined)
        throw eventErrors.error('event_malformed', 'It is not a CloudEvent of the control plane.');
      return event;
    },
  };
}

export interface EventPage {
  readonly events: readonly ControlPlaneEvent[];
  /** Store it after processing the events, so that none is missed. */
  readonly position: string;
}

/** In log order, from any position. */
export interface EventReader {
  /** Empty if there are none. After an error, the same page is read again. */
  next(): Promise<EventPage>;
}

/**
 * @param options.after stored position; default: the first event @param options.topics e.g. `mandate`; all by default
 * @param options.limit at most 500
 */
export function createEventReader(options: {
  readonly issuer: string;
  readonly client: Client;
  readonly after?: string;
  readonly topics?: readonly string[];
  readonly limit?: number;
  readonly clock?: Clock;
}): EventReader {
  const { issuer, client, topics, limit = 100 } = options;
  const tokenFor = createTokenSource(options);
  let position = options.after;
  return {
    async next() {
      const token = await tokenFor(`${issuer}/events`, 'event:read');
      const query = new URLSearchParams({
        limit: String(limit),
        ...defined({ after: position, topics: topics?.join(',') }),
      });
      const answer = await client.call(token, { method: 'GET', url: `${issuer}/events?${query.toString()}` });
      if (answer.status >= 400) throw refusalOf(answer);
      const page = readPage(answer.body);
      position = page.position;
      return page;
    },
  };
}

/** One invalid event invalidates the page: continuing would lose it. */
function readPage(body: unknown): EventPage {
  const { events: listed, position } = isObject(body) ? body : {};
  if (!Array.isArray(listed) || typeof position !== 'string')
    throw eventErrors.error('event_malformed', 'The answer of the control plane is not a page of events.');
  // Each event is checked below.
  const events = (listed as readonly Json[]).map((json) => {
    const event = readEvent(json);
    if (event === undefined) throw eventErrors.error('event_malformed', 'One of the events cannot be read.');
    return event;
  });
  return { events, position };
}

function parseText(text: string): Json | undefined {
  const parsed = parseJson(text, { maxLength: maxBodyBytes });
  return parsed.ok ? parsed.value : undefined;
}

/** Ignores unknown attributes, as CloudEvents requires. */
function readEvent(json: Json | undefined): ControlPlaneEvent | undefined {
  const members = membersOf(json);
  if (members === undefined || members['specversion'] !== '1.0') return undefined;
  const id = parseId('record', members['id']);
  const [source, type, subject, time, sequence] = ['source', 'type', 'subject', 'time', 'sequence'].map((name) =>
    textOf(members[name]),
  );
  if (id === undefined || source === undefined || subject === undefined) return undefined;
  if (type === undefined || !/^countersign(\.[a-z][a-z-]*)+$/.test(type)) return undefined;
  if (time === undefined || Number.isNaN(Date.parse(time))) return undefined;
  if (sequence === undefined || !/^[0-9]{20}$/.test(sequence)) return undefined;
  return { id, source, type, subject, time, sequence, data: members['data'] ?? null };
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= 512 ? value : undefined;
}
