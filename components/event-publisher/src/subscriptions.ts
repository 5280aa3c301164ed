import type { Command, Commands, RecordedThings } from '@countersign/commands';
import {
  type Actor,
  type EventPublisher,
  type EventSubscription,
  type EventTopic,
  eventErrors,
  type RecordType,
  type StandingCheck,
  standingErrors,
} from '@countersign/contracts';
import { decodeBase64Url, derivedId, digestOf, type SubscriptionId } from '@countersign/kernel';
import type pg from 'pg';
import { addressRule, describeAddress, readAddress } from './delivery-address.ts';
import { positionText } from './position.ts';
import { parseTopics } from './projection.ts';
import type { Reader } from './reader.ts';
import { type SubscriptionKind, subscriptionClaim, unprovenSubscription } from './recorded-subscription.ts';
import {
  findSubscription,
  lockSubscriptionsOf,
  type Subscription,
  type SubscriptionState,
  subscriptionsOf,
} from './store.ts';

export interface SubscriptionDependencies {
  readonly pool: pg.Pool;
  readonly kind: SubscriptionKind;
  readonly things: RecordedThings<SubscriptionId, SubscriptionState, Subscription>;
  readonly commands: Commands;
  readonly reader: Reader;
  readonly standings: StandingCheck;
}

type SubscriptionCommand<Ask, Facts, Answer> = Command<
  Ask,
  SubscriptionId,
  SubscriptionState,
  Subscription,
  Facts,
  Answer
>;

interface SubscribeAsk {
  readonly institution: string;
  readonly url: string;
  readonly topics: readonly EventTopic[];
  readonly position: bigint;
  readonly by: Actor;
}

interface OwnAsk {
  readonly institution: string;
  readonly id: SubscriptionId;
  readonly by: Actor;
}

const maxSubscriptions = 16;

/** Each change is recorded before it is stored, and completed from its record. */
export function createSubscriptions({
  pool,
  kind,
  things,
  commands,
  reader,
  standings,
}: SubscriptionDependencies): Pick<EventPublisher, 'subscribe' | 'unsubscribe' | 'resume' | 'subscriptions'> {
  const steps = {
    kind,
    before: async () => undefined,
    refused: () => undefined,
    after: async () => undefined,
  };

  const subscribe: SubscriptionCommand<SubscribeAsk, Others, SubscriptionId> = {
    ...steps,
    about: idOf,
    // A row that its record does not confirm is replaced.
    unproven: 'none',
    async facts(session, { ask, row }) {
      if (row !== undefined) return { same: undefined, count: 0 };
      await lockSubscriptionsOf(session, ask.institution);
      const others = (await subscriptionsOf(session, ask.institution)).filter(({ id }) => id !== idOf(ask));
      const same = others.find(({ url, topics }) => url === ask.url && sameTopics(topics, ask.topics));
      if (same === undefined) return { same, count: others.length };
      return (await standings.holds(subscriptionClaim(same)))
        ? { same: same.id, count: others.length }
        : { same: undefined, count: others.length - 1 };
    },
    done: ({ row, facts }) => row?.id ?? facts.same,
    async check({ facts: { count } }) {
      if (count >= maxSubscriptions)
        throw eventErrors.error(
          'subscriptions_too_many',
          `An institution keeps at most ${maxSubscriptions} subscriptions; remove one first.`,
        );
    },
    next: ({ ask }) => ({
      id: idOf(ask),
      institution: ask.institution,
      url: ask.url,
      topics: ask.topics,
      status: 'active',
      position: ask.position,
    }),
    record: ({ ask }, next) => saying('event.subscribed', ask.by, next),
    ends: () => false,
    release: ({ id }) => id,
  };

  const unsubscribe: SubscriptionCommand<OwnAsk, { readonly present: Subscription }, true> = {
    ...steps,
    about: ({ id }) => id,
    // A row that its record does not confirm is ended as well.
    unproven: 'none',
    facts: async (session, { ask, row }) => ({ present: found(row ?? (await kind.lock(session, ask.id)), ask) }),
    done: () => undefined,
    check: async () => undefined,
    next: ({ facts }) => stateOf(facts.present),
    record: ({ ask }, next) => saying('event.unsubscribed', ask.by, next),
    ends: () => true,
    release: () => true,
  };

  const resume: SubscriptionCommand<OwnAsk, { readonly present: Subscription }, true> = {
    ...steps,
    about: ({ id }) => id,
    facts: async (_session, { ask, row }) => ({ present: found(row, ask) }),
    done: ({ facts }) => (facts.present.status === 'active' ? true : undefined),
    check: async () => undefined,
    next: ({ facts }) => ({ ...stateOf(facts.present), status: 'active' }),
    record: ({ ask }, next) => saying('event.subscribed', ask.by, next, { resumed: true }),
    ends: () => false,
    release: () => true,
  };

  const present = async (ask: Pick<OwnAsk, 'institution' | 'id'>) =>
    shown(found(await findSubscription(pool, ask.id), ask));

  return {
    async subscribe(request, by) {
      const { institution } = request;
      const url = parseUrl(request.url);
      const topics = parseTopics(request.topics);
      const position = request.after === undefined ? await reader.newest() : await reader.positionOf(request.after);
      return present({ institution, id: await commands.run(subscribe, { institution, url, topics, position, by }) });
    },

    async unsubscribe(institution, id, by) {
      await commands.run(unsubscribe, { institution, id, by });
    },

    async resume(institution, id, by) {
      // The answer must not reveal whether a record confirms another institution's row.
      found(await findSubscription(pool, id), { institution });
      await commands.run(resume, { institution, id, by }).catch((error: unknown) => {
        throw standingErrors.is(error, 'authority_unproven') ? unprovenSubscription() : error;
      });
      return present({ institution, id });
    },

    async subscriptions(institution) {
      const rows = await subscriptionsOf(pool, institution);
      const count = await Promise.all(rows.map((row) => things.counts(row.id, row)));
      // An unproven one is shown, so that it can be removed.
      return (count.includes(false) ? await subscriptionsOf(pool, institution) : rows).map(shown);
    },
  };
}

export interface Suspension {
  readonly held: Subscription;
  readonly detail: string;
}

/** Suspends a subscription if the given lease is current. Answers whether it did. */
export const suspension = (kind: SubscriptionKind): SubscriptionCommand<Suspension, undefined, boolean> => ({
  kind,
  about: ({ held }) => held.id,
  facts: async () => undefined,
  done: ({ ask, row }) => (row?.lease === ask.held.lease && row.status === 'active' ? undefined : false),
  check: async () => undefined,
  next: ({ ask, row }) => ({ ...stateOf(row ?? ask.held), status: 'suspended' }),
  before: async () => undefined,
  record: ({ ask }, { id, institution, position }) => ({
    type: 'event.delivery-suspended',
    outcome: 'done',
    data: { subscription: id, institution, position: positionText(position), detail: ask.detail },
  }),
  ends: () => false,
  refused: () => undefined,
  after: async () => undefined,
  release: () => true,
});

interface Others {
  /** With the same address and topics, from a release in which ids were not derived from them. */
  readonly same: SubscriptionId | undefined;
  readonly count: number;
}

/** The same address and topics are the same subscription, also after an interrupted request. */
function idOf({ institution, url, topics }: Pick<SubscribeAsk, 'institution' | 'url' | 'topics'>): SubscriptionId {
  const digest = decodeBase64Url(digestOf({ institution, url, topics: [...topics] }));
  if (digest === undefined) throw new Error('a digest is not in base64url');
  return derivedId('subscription', 0, digest.subarray(0, 10));
}

function saying(
  type: Extract<RecordType, 'event.subscribed' | 'event.unsubscribed'>,
  by: Actor,
  { id, institution, url, topics, position }: SubscriptionState,
  more: { readonly resumed?: true } = {},
) {
  const data = { subscription: id, institution, ...describeAddress(url), topics: [...topics] };
  return { type, outcome: 'done', subject: by, data: { ...data, position: positionText(position), ...more } } as const;
}

function stateOf({ id, institution, url, topics, status, position }: Subscription): SubscriptionState {
  return { id, institution, url, topics, status, position };
}

function shown({ id, institution, url, topics, status, position, createdAt, attempts, lastFailure }: Subscription) {
  const at = { position: positionText(position), createdAt: new Date(createdAt).toISOString() };
  return {
    ...{ id, institution, url, topics, status, ...at, attempts },
    ...(lastFailure === undefined
      ? {}
      : { lastFailure: { at: new Date(lastFailure.at).toISOString(), detail: lastFailure.detail } }),
  } satisfies EventSubscription;
}

function found(row: Subscription | undefined, { institution }: { readonly institution: string }): Subscription {
  if (row?.institution !== institution)
    throw eventErrors.error('subscription_not_found', 'The subscription does not exist, or you have no access to it.');
  return row;
}

function parseUrl(text: string): string {
  const url = readAddress(text);
  if (url === undefined) throw eventErrors.error('subscription_invalid', addressRule);
  return url;
}

function sameTopics(a: readonly EventTopic[], b: readonly EventTopic[]): boolean {
  return a.length === b.length && a.every((topic) => b.includes(topic));
}
