import { type RecordedKind, thingOf } from '@countersign/commands';
import type { Claim, EventSubscription } from '@countersign/contracts';
import type { Clock, Json, SubscriptionId } from '@countersign/kernel';
import { type SealedStates, unprovenRow } from './recorded-state.ts';
import {
  findSubscription,
  putSubscription,
  removeSubscription,
  type Subscription,
  type SubscriptionState,
} from './store.ts';

export type SubscriptionKind = RecordedKind<SubscriptionId, SubscriptionState, Subscription>;

const kind = 'subscription';

export function createSubscriptionKind(states: SealedStates, clock: Clock): SubscriptionKind {
  return {
    kind,
    find: (session, id) => findSubscription(session, id),
    lock: (session, id) => findSubscription(session, id, 'for update'),
    recordOf: ({ record }) => record,
    content: (state) => subscriptionClaim(state).content,
    carried: ({ institution, url, topics, status, position }, id) =>
      states.seal(
        { institution, url, topics: [...topics], status, position: position.toString() },
        thingOf({ kind }, id),
      ),
    stateOf: (carried, id) => subscriptionOf(states.open(carried, thingOf({ kind }, id)), id),
    put: (session, state, { record }) => putSubscription(session, state, { record, at: clock.now() }),
    remove: removeSubscription,
  };
}

/** A row is delivered only while it agrees with this claim. */
export function subscriptionClaim(of: Pick<EventSubscription, 'id' | 'institution' | 'url' | 'topics'>): Claim {
  const { id, institution, url, topics } = of;
  return { of: `subscription:${id}`, content: { institution, url, topics: [...topics] } };
}

export const unprovenSubscription = () => unprovenRow('subscription', 'Remove it and subscribe again.');

/** @param opened what {@link createSubscriptionKind} has sealed */
function subscriptionOf(opened: Json, id: SubscriptionId): SubscriptionState {
  // A record of our own, whose digest agrees with the newest in the log.
  const { position, ...state } = opened as unknown as Omit<SubscriptionState, 'id' | 'position'> & {
    readonly position: string;
  };
  return { ...state, id, position: BigInt(position) };
}
