import {
  type Actor,
  type AuditAppender,
  type EventPublisher,
  type EventSubscription,
  type EventTopic,
  ended,
  eventErrors,
  type StandingCheck,
  standing,
} from '@countersign/contracts';
import { type Clock, newId, type Random, type SubscriptionId } from '@countersign/kernel';
import { addressRule, describeAddress, readAddress } from './delivery-address.ts';
import { positionText } from './position.ts';
import type { Reader } from './reader.ts';
import { requireSubscription, subscriptionClaim } from './row-claims.ts';
import type { Store } from './store.ts';
import { parseTopics } from './topics.ts';

export interface SubscriptionDependencies {
  readonly store: Store;
  readonly reader: Reader;
  readonly audit: AuditAppender;
  readonly standings: StandingCheck;
  readonly clock: Clock;
  readonly random: Random;
}

type Recorded = Pick<EventSubscription, 'id' | 'institution' | 'url' | 'topics' | 'position'>;

const mostSubscriptions = 16;

/** What an institution has sent to it: each change is recorded before it is kept. */
export function createSubscriptions({
  store,
  reader,
  audit,
  standings,
  clock,
  random,
}: SubscriptionDependencies): Pick<EventPublisher, 'subscribe' | 'unsubscribe' | 'resume' | 'subscriptions'> {
  const record = (type: 'event.subscribed' | 'event.unsubscribed', by: Actor, about: Recorded, more = {}) => {
    const { id, institution, url, topics, position } = about;
    const { of, content } = subscriptionClaim(about);
    return audit.append({
      id: newId('record', { clock, random }),
      type,
      source: 'event-publisher',
      outcome: 'done',
      subject: by,
      data: { subscription: id, institution, ...describeAddress(url), topics: [...topics], position, ...more },
      standing: [type === 'event.subscribed' ? standing(of, content) : ended(of)],
    });
  };

  return {
    async subscribe(request, by) {
      const { institution } = request;
      const url = parseUrl(request.url);
      const topics = parseTopics(request.topics);
      const position = request.after === undefined ? await reader.newest() : await reader.positionOf(request.after);
      return store.inUnit(async (unit) => {
        await unit.lockInstitution(institution);
        const present = await unit.ofInstitution(institution);
        const same = present.find((one) => one.url === url && sameTopics(one.topics, topics));
        if (same !== undefined && (await standings.holds(subscriptionClaim(same)))) return same;
        // A row that its record does not confirm is replaced.
        if (same !== undefined) await unit.remove(same.id);
        else if (present.length >= mostSubscriptions)
          throw eventErrors.error(
            'subscriptions_too_many',
            `An institution keeps at most ${mostSubscriptions} subscriptions; remove one first.`,
          );
        const id = newId('subscription', { clock, random });
        const subscription = { id, institution, url, topics };
        const { id: recordId } = await record('event.subscribed', by, {
          ...subscription,
          position: positionText(position),
        });
        return unit.put({ ...subscription, position, at: clock.now(), recordId });
      });
    },

    unsubscribe: (institution, id, by) =>
      store.inUnit(async (unit) => {
        await unit.lockInstitution(institution);
        await record('event.unsubscribed', by, found(await unit.ofInstitution(institution), id));
        await unit.remove(id);
      }),

    resume: (institution, id, by) =>
      store.inUnit(async (unit) => {
        await unit.lockInstitution(institution);
        const present = found(await unit.ofInstitution(institution), id);
        if (present.status === 'active') return present;
        await requireSubscription(standings, present);
        await record('event.subscribed', by, present, { resumed: true });
        await unit.resume(id, clock.now());
        return found(await unit.ofInstitution(institution), id);
      }),

    subscriptions: (institution) => store.ofInstitution(institution),
  };
}

function found(present: readonly EventSubscription[], id: SubscriptionId): EventSubscription {
  const subscription = present.find((one) => one.id === id);
  if (subscription === undefined)
    throw eventErrors.error('subscription_not_found', 'There is no such subscription, or it is not yours to see.');
  return subscription;
}

function parseUrl(text: string): string {
  const url = readAddress(text);
  if (url === undefined) throw eventErrors.error('subscription_invalid', addressRule);
  return url;
}

function sameTopics(a: readonly EventTopic[], b: readonly EventTopic[]): boolean {
  return a.length === b.length && a.every((topic) => b.includes(topic));
}
