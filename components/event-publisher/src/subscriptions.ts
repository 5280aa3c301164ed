import {
  type Actor,
  type AuditAppender,
  type EventPublisher,
  type EventSubscription,
  type EventTopic,
  eventErrors,
} from '@countersign/contracts';
import { type Clock, digestOf, newId, type Random, type SubscriptionId } from '@countersign/kernel';
import { positionText } from './position.ts';
import type { Reader } from './reader.ts';
import type { Store } from './store.ts';
import { parseTopics } from './topics.ts';

export interface SubscriptionDependencies {
  readonly store: Store;
  readonly reader: Reader;
  readonly audit: AuditAppender;
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
  clock,
  random,
}: SubscriptionDependencies): Pick<EventPublisher, 'subscribe' | 'unsubscribe' | 'resume' | 'subscriptions'> {
  const record = (type: 'event.subscribed' | 'event.unsubscribed', by: Actor, about: Recorded, more = {}) => {
    const { id, institution, url, topics, position } = about;
    return audit.append({
      id: newId('record', { clock, random }),
      type,
      source: 'event-publisher',
      outcome: 'done',
      subject: by,
      data: { subscription: id, institution, ...addressOf(url), topics: [...topics], position, ...more },
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
        if (same !== undefined) return same;
        if (present.length >= mostSubscriptions)
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

const longestUrl = 1_024;

/** As it is sent to, and signed. Which addresses are let near is the outbound fetcher's to say, each time. */
function parseUrl(text: string): string {
  const url = text.length <= longestUrl && URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.username === '' && url.password === '' && url.hash === '' && url.href.length <= longestUrl;
  if (url === undefined || !plain || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))))
    throw eventErrors.error(
      'subscription_invalid',
      'The address is an https URL of at most 1,024 characters, without user, password or fragment.',
    );
  return url.href;
}

/** In development. */
function isLoopback({ hostname }: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** Paths and queries of such addresses hold secrets of the receiver: their digest is enough to recognise one by. */
function addressOf(url: string) {
  return { origin: new URL(url).origin, url_digest: digestOf(url) };
}

function sameTopics(a: readonly EventTopic[], b: readonly EventTopic[]): boolean {
  return a.length === b.length && a.every((topic) => b.includes(topic));
}
