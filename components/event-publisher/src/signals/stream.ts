import { type Actor, type CaepEvent, caepEvents, caepEventUri } from '@countersign/contracts';
import { type Brand, type Clock, type Json, newId, type Random, type RecordId } from '@countersign/kernel';
import type { Signal } from './projection.ts';
import type { SecurityEventClaims } from './security-event-token.ts';

/** Every client of an institution may manage the institution's streams. */
export interface Receiver extends Actor {
  readonly institution: string;
  readonly client: string;
}

export type SignalStreamId = Brand<string, 'SignalStreamId'>;

export type StreamStatus = 'enabled' | 'paused' | 'disabled';
export const streamStatuses = ['enabled', 'paused', 'disabled'] as const satisfies readonly StreamStatus[];

export type StreamDelivery =
  | { readonly method: 'push'; readonly url: string; readonly authorization: Uint8Array | undefined }
  | { readonly method: 'poll' };

export interface StreamState {
  readonly id: SignalStreamId;
  readonly institution: string;
  readonly audience: string;
  readonly description: string | undefined;
  readonly delivery: StreamDelivery;
  /** As the receiver wrote them; undefined for all. */
  readonly eventsRequested: readonly string[] | undefined;
  readonly status: StreamStatus;
  readonly statusReason: string | undefined;
  /** Everything up to this place is queued. It never decreases. */
  readonly position: bigint;
}

export interface SignalStream extends StreamState {
  readonly revision: string;
  readonly verifiedAt: number | undefined;
  /** Fencing number of the lease. */
  readonly lease: string;
  readonly record: RecordId;
}

const pattern = /^strm_[0-9a-hjkmnp-tv-z]{26}$/;

export function newStreamId(from: { readonly clock: Clock; readonly random: Random }): SignalStreamId {
  return `strm_${newId('subscription', from).slice('sub_'.length)}` as SignalStreamId;
}

export function parseStreamId(text: unknown): SignalStreamId | undefined {
  return typeof text === 'string' && pattern.test(text) ? (text as SignalStreamId) : undefined;
}

export const eventsSupported: readonly string[] = caepEvents.map(caepEventUri);

/** The requested events that are supported (section 8.1.1). */
export function eventsDelivered(requested: readonly string[] | undefined): readonly string[] {
  return requested === undefined ? eventsSupported : eventsSupported.filter((uri) => requested.includes(uri));
}

/** Without the members that identify the stream. */
export type QueuedClaims = Omit<SecurityEventClaims, 'iss' | 'aud'>;

/**
 * `jti` is derived from record, number and stream: read again, the token is the same; no two receivers get the same
 * one.
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

/** The common members of a stream's records. @param more beside the stream */
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
