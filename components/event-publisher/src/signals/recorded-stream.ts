import { type RecordedKind, type RecordedThings, thingOf } from '@countersign/commands';
import type { Claim } from '@countersign/contracts';
import { type Clock, type Json, sha256Base64Url } from '@countersign/kernel';
import { type SealedStates, unprovenRow } from '../recorded-state.ts';
import { findStream, putStream, removeStream } from './store.ts';
import type { SignalStream, SignalStreamId, StreamState } from './stream.ts';

export type StreamKind = RecordedKind<SignalStreamId, StreamState, SignalStream>;
export type StreamThings = RecordedThings<SignalStreamId, StreamState, SignalStream>;

const kind = 'signal-stream';

/** Recorded state (docs/adr/0057). A deleted stream has no row. */
export function createStreamKind(states: SealedStates, clock: Clock): StreamKind {
  return {
    kind,
    find: (session, id) => findStream(session, id),
    lock: (session, id) => findStream(session, id, 'for update'),
    recordOf: ({ record }) => record,
    content: (state) => streamClaim(state).content,
    carried: (state, id) => states.seal(toJson(state), thingOf({ kind }, id)),
    stateOf: (carried, id) => fromJson(states.open(carried, thingOf({ kind }, id)), id),
    put: (session, state, { record }) => putStream(session, state, { record, at: clock.now() }),
    remove: removeStream,
  };
}

/** Without the status, which decides whether a stream sends, not what or where to. */
export function streamClaim(
  of: Pick<SignalStream, 'id' | 'institution' | 'audience' | 'delivery' | 'eventsRequested'>,
): Claim {
  const { id, institution, audience, delivery, eventsRequested } = of;
  const { method } = delivery;
  const pushed = delivery.method === 'push' ? delivery : undefined;
  return {
    of: `signal-stream:${id}`,
    content: {
      ...{ institution, audience, method, url: pushed?.url ?? null },
      authorization: pushed?.authorization === undefined ? null : sha256Base64Url(pushed.authorization),
      events_requested: eventsRequested === undefined ? null : [...eventsRequested],
    },
  };
}

export const unprovenStream = () => unprovenRow('stream', 'Delete it and create it again.');

function toJson({ delivery, eventsRequested, position, ...state }: StreamState): Json {
  return {
    ...{ institution: state.institution, audience: state.audience, description: state.description ?? null },
    ...{ status: state.status, reason: state.statusReason ?? null, position: position.toString() },
    events: eventsRequested === undefined ? null : [...eventsRequested],
    push:
      delivery.method === 'poll'
        ? null
        : {
            url: delivery.url,
            authorization: delivery.authorization ? Buffer.from(delivery.authorization).toString('base64') : null,
          },
  };
}

/** @param opened what {@link toJson} has made */
function fromJson(opened: Json, id: SignalStreamId): StreamState {
  const { description, events, position, push, reason, ...state } = opened as unknown as Pick<
    StreamState,
    'institution' | 'audience' | 'status'
  > & {
    readonly description: string | null;
    // A record of our own, whose digest agrees with the newest in the log.
    readonly events: readonly string[] | null;
    readonly position: string;
    readonly push: { readonly url: string; readonly authorization: string | null } | null;
    readonly reason: string | null;
  };
  return {
    ...{ ...state, id, description: description ?? undefined, eventsRequested: events ?? undefined },
    ...{ statusReason: reason ?? undefined, position: BigInt(position) },
    delivery:
      push === null
        ? { method: 'poll' }
        : {
            method: 'push',
            url: push.url,
            authorization: push.authorization === null ? undefined : Buffer.from(push.authorization, 'base64'),
          },
  };
}
