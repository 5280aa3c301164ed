import { type Claim, type EventSubscription, standingErrors } from '@countersign/contracts';
import { sha256Base64Url } from '@countersign/kernel';
import type { SignalStream } from './signals/stream.ts';

// What decides who is sent what, and where: in records, and in rows that are compared with them (docs/adr/0043).

export function subscriptionClaim(of: Pick<EventSubscription, 'id' | 'institution' | 'url' | 'topics'>): Claim {
  const { id, institution, url, topics } = of;
  return { of: `subscription:${id}`, content: { institution, url, topics: [...topics] } };
}

/** The status is left out: it decides whether a stream sends, and not what or where to. */
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

export const unprovenSubscription = () => unproven('This subscription', 'Remove it and subscribe again.');

export const unprovenStream = () => unproven('This stream', 'Delete it and create it again.');

const unproven = (what: string, next: string) =>
  standingErrors.error(
    'authority_unproven',
    `${what} is stored with other values than its newest record in the audit log has, so nothing is sent by it. ${next}`,
  );
