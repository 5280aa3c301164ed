import {
  type Actor,
  type AuditAppender,
  type CloudEvent,
  type EventPublisher,
  type EventSubscription,
  type EventTopic,
  eventErrors,
  eventTopics,
  type Outbound,
  type Signer,
} from '@countersign/contracts';
import { type Clock, digestOf, newId, type Random, type SubscriptionId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';
import { type DeliveryDependencies, deliverDue } from './delivery.ts';
import { watchNewRecords } from './new-records.ts';
import { createReader, type ReaderDependencies } from './reader.ts';
import { createStore } from './store.ts';
import { parseTopics } from './topics.ts';

export interface EventPublisherDependencies extends ReaderDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender;
  /** Its keys for `event`. */
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly outbound: Pick<Outbound, 'post'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often to look for what is to be delivered; 250 ms by default. */
  readonly deliverEveryMs?: number;
}

export interface RunningEventPublisher extends EventPublisher {
  readonly signer: Pick<Signer, 'publicKeys'>;
  /** Delivers what is due now; runs by itself. @returns how many events were delivered */
  deliver(): Promise<number>;
  stop(): Promise<void>;
}

const mostSubscriptions = 16;
const largestPage = 500;

/** What has happened, read from the log, for those it concerns; see the contract. */
export function createEventPublisher(dependencies: EventPublisherDependencies): RunningEventPublisher {
  const { pool, audit, signer, clock, random, logger, deliverEveryMs = 250 } = dependencies;
  const store = createStore(pool);
  const reader = createReader(dependencies);
  const watch = watchNewRecords({ newest: reader.newest, logger, everyMs: deliverEveryMs });
  const delivery: DeliveryDependencies = { ...dependencies, store, reader };

  let delivering: Promise<number> | undefined;
  let stopped = false;
  function deliver(): Promise<number> {
    delivering ??= deliverDue(delivery).finally(() => {
      delivering = undefined;
    });
    return delivering;
  }
  const timer = setInterval(() => {
    deliver().catch((error: unknown) => logger.warn({ error }, 'events could not be delivered'));
  }, deliverEveryMs);
  timer.unref();

  async function* follow(
    institution: string,
    query: Parameters<EventPublisher['follow']>[1],
    signal: AbortSignal,
  ): AsyncGenerator<CloudEvent> {
    const topics = query.topics ?? eventTopics;
    let after = query.after === undefined ? await reader.newest() : await reader.positionOf(query.after);
    while (!signal.aborted && !stopped) {
      const page = await reader.read(institution, { after, topics, limit: largestPage });
      for (const event of page.events) {
        if (signal.aborted) return;
        yield event;
      }
      after = page.position;
      if (page.atEnd) await watch.behind(after, signal);
    }
  }

  async function subscribe(request: Parameters<EventPublisher['subscribe']>[0], by: Actor): Promise<EventSubscription> {
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
      const recordId = newId('record', { clock, random });
      await audit.append({
        id: recordId,
        type: 'event.subscribed',
        source: 'event-publisher',
        outcome: 'done',
        subject: by,
        data: { subscription: id, institution, ...addressOf(url), topics: [...topics], position: position.toString() },
      });
      await unit.put({ id, institution, url, topics, position, at: clock.now(), recordId });
      return found(await unit.ofInstitution(institution), id);
    });
  }

  return {
    signer,
    deliver,
    follow,
    subscribe,

    async read(institution, { after, topics = eventTopics, limit = 100 }) {
      const page = await reader.read(institution, {
        after: await reader.positionOf(after),
        topics,
        limit: Math.min(Math.max(1, limit), largestPage),
      });
      return reader.pageOf(page);
    },

    unsubscribe: (institution, id, by) =>
      store.inUnit(async (unit) => {
        await unit.lockInstitution(institution);
        const { url } = found(await unit.ofInstitution(institution), id);
        await audit.append({
          id: newId('record', { clock, random }),
          type: 'event.unsubscribed',
          source: 'event-publisher',
          outcome: 'done',
          subject: by,
          data: { subscription: id, institution, ...addressOf(url) },
        });
        await unit.remove(id);
      }),

    resume: (institution, id, by) =>
      store.inUnit(async (unit) => {
        await unit.lockInstitution(institution);
        const present = found(await unit.ofInstitution(institution), id);
        if (present.status === 'active') return present;
        await audit.append({
          id: newId('record', { clock, random }),
          type: 'event.subscribed',
          source: 'event-publisher',
          outcome: 'done',
          subject: by,
          data: {
            subscription: id,
            institution,
            ...addressOf(present.url),
            resumed: true,
            position: present.position,
          },
        });
        await unit.resume(id, clock.now());
        return found(await unit.ofInstitution(institution), id);
      }),

    subscriptions: (institution) => store.ofInstitution(institution),

    async stop() {
      stopped = true;
      clearInterval(timer);
      watch.stop();
      await delivering?.catch(() => undefined);
    },
  };
}

function found(present: readonly EventSubscription[], id: SubscriptionId): EventSubscription {
  const subscription = present.find((one) => one.id === id);
  if (subscription === undefined)
    throw eventErrors.error('subscription_not_found', 'There is no such subscription, or it is not yours to see.');
  return subscription;
}

/** Which addresses are let near is the outbound fetcher's to say, each time. */
function parseUrl(text: string): string {
  const url = text.length <= 1024 && URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    url.hash !== ''
  )
    throw eventErrors.error(
      'subscription_invalid',
      'The address is an https URL of at most 1,024 characters, without user, password or fragment.',
    );
  return url.href;
}

/** Paths and queries of such addresses hold secrets of the receiver: their digest is enough to recognise one by. */
function addressOf(url: string) {
  return { origin: new URL(url).origin, url_digest: digestOf(url) };
}

function sameTopics(a: readonly EventTopic[], b: readonly EventTopic[]): boolean {
  return a.length === b.length && a.every((topic) => b.includes(topic));
}
