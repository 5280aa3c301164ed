import { createCommands, createRecordedThings } from '@countersign/commands';
import {
  type AuditAppender,
  type AuditLog,
  type CloudEvent,
  createStandingCheck,
  type EventPublisher,
  type EventTopic,
  eventTopics,
  type Outbound,
  type Signer,
  type StandingReader,
} from '@countersign/contracts';
import type { Random } from '@countersign/kernel';
import type { Logger, SealingKey } from '@countersign/runtime';
import type pg from 'pg';
import { createDeliverer, maxOfInstitution } from './deliverer.ts';
import { deliver } from './delivery.ts';
import { leaseMs } from './delivery-attempt.ts';
import { type Followed, follow } from './event-follower.ts';
import { watchNewRecords } from './new-records.ts';
import { positionText } from './position.ts';
import { createReader, type ReaderDependencies } from './reader.ts';
import { createSealedStates } from './recorded-state.ts';
import { createSubscriptionKind } from './recorded-subscription.ts';
import { createStore, type Subscription } from './store.ts';
import { createSubscriptions } from './subscriptions.ts';

export interface EventPublisherDependencies extends ReaderDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & StandingReader & Pick<AuditLog, 'find'>;
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly sealingKey: SealingKey;
  readonly outbound: Pick<Outbound, 'post'>;
  readonly random: Random;
  readonly logger: Logger;
  /** How often to look for new records; 250 ms by default. */
  readonly everyMs?: number;
}

export interface FollowQuery {
  readonly after?: string;
  readonly topics?: readonly EventTopic[];
}

export interface RunningEventPublisher extends EventPublisher {
  readonly signer: Pick<Signer, 'publicKeys'>;
  /**
   * A reader that resumes at any position misses nothing.
   *
   * @returns after the position was validated @throws CodedError `event_position_invalid`
   */
  followPlaces(institution: string, query: FollowQuery, signal: AbortSignal): Promise<AsyncIterable<Followed>>;
  /** Delivers due events; also runs by itself. @returns how many events were delivered */
  deliver(): Promise<number>;
  stop(): Promise<void>;
}

const largestPage = 500;

/** Reads events from the log for the institutions they concern; see the contract. */
export function createEventPublisher(dependencies: EventPublisherDependencies): RunningEventPublisher {
  const { pool, audit, sealingKey, signer, clock, random, logger, everyMs = 250 } = dependencies;
  const standings = createStandingCheck({ log: audit, source: 'event-publisher', clock, random });
  const recorded = { pool, log: audit, check: standings, source: 'event-publisher', clock } as const;
  const commands = createCommands(recorded);
  const kind = createSubscriptionKind(createSealedStates(sealingKey, random), clock);
  const things = createRecordedThings(kind, recorded);
  const store = createStore(pool);
  const reader = createReader(dependencies);
  const watch = watchNewRecords({ newest: reader.newest, logger, everyMs });
  const deliverer = createDeliverer<{ readonly held: Subscription; readonly newest: bigint }>({
    ...{ logger, everyMs },
    async lease(limit) {
      // The log may be in another process: ask it only if a delivery is possible.
      if (!(await store.anyDue(clock.now()))) return [];
      const newest = await reader.newest();
      const leased = await store.lease({ now: clock.now(), leaseMs, newest, limit, maxOfInstitution });
      return leased.map((held) => ({ held, newest }));
    },
    deliver: ({ held, newest }, ended) =>
      deliver(held, { newest, ended }, { ...dependencies, store, reader, kind, things, commands }),
  });
  let stopped = false;

  async function followPlaces(
    institution: string,
    { after, topics = eventTopics }: FollowQuery,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Followed>> {
    const from = after === undefined ? await reader.newest() : await reader.positionOf(after);
    return follow(
      { institution, topics, after: from },
      { reader, watch },
      { signal, ended: () => stopped || signal.aborted },
    );
  }

  async function* eventsOf(following: Promise<AsyncIterable<Followed>>): AsyncGenerator<CloudEvent> {
    for await (const followed of await following) if (followed.kind === 'event') yield followed.event;
  }

  return {
    ...createSubscriptions({ pool, kind, things, commands, reader, standings }),
    signer,
    followPlaces,
    deliver: deliverer.deliverDue,

    async read(institution, { after, topics = eventTopics, limit = 100 }) {
      const page = await reader.read(institution, {
        after: await reader.positionOf(after),
        topics,
        limit: Math.min(Math.max(1, limit), largestPage),
      });
      return { events: page.events, position: positionText(page.position) };
    },

    follow: (institution, query, signal) => eventsOf(followPlaces(institution, query, signal)),

    async stop() {
      stopped = true;
      watch.stop();
      await deliverer.stop();
    },
  };
}
