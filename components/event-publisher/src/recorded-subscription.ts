import { type RecordedKind, thingOf } from '@countersign/commands';
import type { Clock, Json, SubscriptionId } from '@countersign/kernel';
import { subscriptionClaim } from './row-claims.ts';
import type { SealedStates } from './sealed-state.ts';
import {
  findSubscription,
  putSubscription,
  removeSubscription,
  type Subscription,
  type SubscriptionState,
} from './store.ts';

export type SubscriptionKind = RecordedKind<SubscriptionId, SubscriptionState, Subscription>;

const kind = 'subscription';

/** Subscriptions as things that are recorded (docs/adr/0057). One that has ended has no row. */
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

/** @param opened what {@link createSubscriptionKind} has sealed */
function subscriptionOf(opened: Json, id: SubscriptionId): SubscriptionState {
  const { position, ...state } = opened as unknown as Omit<SubscriptionState, 'id' | 'position'> & {
    readonly position: string;
  };
  return { ...state, id, position: BigInt(position) };
}
