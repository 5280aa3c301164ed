import { type Actor, type CaepEvent, caepEvents, caepEventUri } from '@countersign/contracts';
import { type Brand, type Clock, type Json, newId, type Random, type RecordId } from '@countersign/kernel';
import type { Signal } from './projection.ts';
import type { SecurityEventClaims } from './security-event-token.ts';

/** Who asks: a client of an institution. The institution's streams are each of its clients' to manage. */
export interface Receiver extends Actor {
  readonly institution: string;
  readonly client: string;
}

/** Id of a stream: as the framework asks, of characters that no URL needs to escape. */
export type SignalStreamId = Brand<string, 'SignalStreamId'>;

export type StreamStatus = 'enabled' | 'paused' | 'disabled';
export const streamStatuses = ['enabled', 'paused', 'disabled'] as const satisfies readonly StreamStatus[];

export type StreamDelivery =
  | { readonly method: 'push'; readonly url: string; readonly authorization: Uint8Array | undefined }
  | { readonly method: 'poll' };

/** What its records carry of a stream. */
export interface StreamState {
  readonly id: SignalStreamId;
  readonly institution: string;
  readonly audience: string;
  readonly description: string | undefined;
  readonly delivery: StreamDelivery;
  /** As the receiver wrote them; undefined for all there are. */
  readonly eventsRequested: readonly string[] | undefined;
  readonly status: StreamStatus;
  readonly statusReason: string | undefined;
  /** Up to which everything is queued or is not for it; a change of the stream moves it on, and never back. */
  readonly position: bigint;
}

/** A stream as it is kept. Times in milliseconds since the epoch. */
export interface SignalStream extends StreamState {
  readonly revision: string;
  readonly verifiedAt: number | undefined;
  /** What whoever pushes it writes by. */
  readonly lease: string;
  /** Of the change that made it what it is. */
  readonly record: RecordId;
}

const pattern = /^strm_[0-9a-hjkmnp-tv-z]{26}$/;

/** A new id, made as all ids here are. */
export function newStreamId(from: { readonly clock: Clock; readonly random: Random }): SignalStreamId {
  return `strm_${newId('subscription', from).slice('sub_'.length)}` as SignalStreamId;
}

export function parseStreamId(text: unknown): SignalStreamId | undefined {
  return typeof text === 'string' && pattern.test(text) ? (text as SignalStreamId) : undefined;
}

export const eventsSupported: readonly string[] = caepEvents.map(caepEventUri);

/** Those that are asked for and are there (section 8.1.1). */
export function eventsDelivered(requested: readonly string[] | undefined): readonly string[] {
  return requested === undefined ? eventsSupported : eventsSupported.filter((uri) => requested.includes(uri));
}

/** What is queued for a stream: its claims but for those that say whose stream it is. */
export type QueuedClaims = Omit<SecurityEventClaims, 'iss' | 'aud'>;

/**
 * The token of a signal in a stream. Its `jti` follows from record, place in it and stream: read from the log again, it
 * is the same token, and two receivers never have the same.
 */
export function tokenOf(signal: Signal, stream: SignalStreamId, nowSeconds: number): QueuedClaims {
  return {
    jti: `${signal.record}.${signal.ordinal}.${stream}`,
    iat: nowSeconds,
    toe: signal.time,
    txn: signal.cause,
    sub_id: signal.subject,
    events: { [caepEventUri(signal.event satisfies CaepEvent)]: { event_timestamp: signal.time, ...signal.claims } },
  };
}

/** A token about the stream itself: its subject is the stream. */
export function streamToken(
  stream: SignalStreamId,
  of: {
    readonly jti: string;
    readonly uri: string;
    readonly claims: Record<string, string>;
    readonly nowSeconds: number;
  },
): QueuedClaims {
  return {
    jti: of.jti,
    iat: of.nowSeconds,
    sub_id: { format: 'opaque', id: stream },
    events: { [of.uri]: of.claims },
  };
}

/**
 * What the record of what a receiver does to a stream says.
 *
 * @param more what it was given or did, beside which stream it is
 */
export function streamChanged(
  operation: string,
  stream: Pick<StreamState, 'id' | 'institution' | 'audience'>,
  by: Receiver,
  more: Readonly<Record<string, Json>> = {},
) {
  return {
    type: 'signal.stream-changed',
    outcome: 'done',
    subject: { id: by.id, institution: by.institution },
    client: by.client,
    data: { operation, stream: stream.id, institution: stream.institution, audience: stream.audience, ...more },
  } as const;
}
