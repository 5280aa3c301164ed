import type { EventSubscription, EventTopic } from '@countersign/contracts';
import type { RecordId, SubscriptionId } from '@countersign/kernel';
import { ask, takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';
import { createLeases, type LeaseRequest } from './store/leases.ts';

export interface SubscriptionState {
  readonly id: SubscriptionId;
  readonly institution: string;
  readonly url: string;
  readonly topics: readonly EventTopic[];
  /** It decides whether events are sent, not what or where to. */
  readonly status: EventSubscription['status'];
  /** Everything up to this place was delivered or belongs to others. */
  readonly position: bigint;
}

export interface Subscription extends SubscriptionState {
  readonly createdAt: number;
  readonly attempts: number;
  readonly failingSince: number | undefined;
  readonly lastFailure: { readonly at: number; readonly detail: string } | undefined;
  /** Fencing number of the lease: each new holder gets a greater one, and writes with an older one are rejected. */
  readonly lease: string;
  readonly record: RecordId;
}

interface Row {
  readonly id: SubscriptionId;
  readonly institution: string;
  readonly url: string;
  readonly topics: readonly EventTopic[];
  readonly status: EventSubscription['status'];
  readonly position: string;
  readonly created_at: Date;
  readonly attempts: number;
  readonly failing_since: Date | null;
  readonly last_failure_at: Date | null;
  readonly last_failure: string | null;
  readonly lease: string;
  readonly record_id: RecordId;
}

const columns = `id, institution, url, topics, status, position, created_at, attempts, failing_since, last_failure_at,
  last_failure, lease, record_id`;

/** Serialises the institution, so that a count is still true when a row is added. */
export async function lockSubscriptionsOf(session: pg.PoolClient, institution: string): Promise<void> {
  await takeNamedLock(session, `subscriptions of ${institution}`);
}

export async function subscriptionsOf(
  session: pg.Pool | pg.PoolClient,
  institution: string,
): Promise<readonly Subscription[]> {
  const { rows } = await ask<Row>(
    session,
    `select ${columns} from subscriptions where institution = $1 order by created_at, id`,
    [institution],
  );
  return rows.map(subscriptionOf);
}

export async function findSubscription(
  session: pg.Pool | pg.PoolClient,
  id: SubscriptionId,
  lock: '' | 'for update' = '',
): Promise<Subscription | undefined> {
  const { rows } = await ask<Row>(session, `select ${columns} from subscriptions where id = $1 ${lock}`, [id]);
  return rows[0] && subscriptionOf(rows[0]);
}

/**
 * Removes a row of the same address and topics under another id, which no record confirms. Creating or resuming ends
 * the lease and the failures.
 */
export async function putSubscription(
  session: pg.PoolClient,
  { id, institution, url, topics, status, position }: SubscriptionState,
  { record, at }: { readonly record: RecordId; readonly at: number },
): Promise<void> {
  await ask(session, 'delete from subscriptions where institution = $1 and url = $2 and topics = $3 and id <> $4', [
    institution,
    url,
    topics,
    id,
  ]);
  await ask(
    session,
    `insert into subscriptions (id, institution, url, topics, status, position, created_at, next_attempt_at, record_id)
     values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000.0), to_timestamp($7::float8 / 1000.0), $8)
     on conflict (id) do update
       set institution = excluded.institution, url = excluded.url, topics = excluded.topics, status = excluded.status,
           record_id = excluded.record_id, next_attempt_at = excluded.next_attempt_at,
           lease = subscriptions.lease + 1, leased_until = null,
           attempts = case excluded.status when 'active' then 0 else subscriptions.attempts end,
           failing_since = case excluded.status when 'active' then null else subscriptions.failing_since end`,
    [id, institution, url, topics, status, position, at, record],
  );
}

export async function removeSubscription(session: pg.PoolClient, id: SubscriptionId): Promise<void> {
  await ask(session, 'delete from subscriptions where id = $1', [id]);
}

export function createStore(pool: pg.Pool) {
  const leases = createLeases<Row>(pool, {
    name: 'subscriptions',
    active: `status = 'active'`,
    hasNew: 'position < $3',
    columns,
  });
  return {
    async lease(wanted: LeaseRequest): Promise<readonly Subscription[]> {
      return (await leases.take(wanted)).map(subscriptionOf);
    },

    /** @returns false when another node holds the lease, or it has expired */
    advance(held: Subscription, position: bigint, leasedUntil: number): Promise<boolean> {
      return written(
        `update subscriptions
            set position = $3, attempts = 0, failing_since = null, leased_until = to_timestamp($4::float8 / 1000.0)
          where id = $1 and lease = $2 and status = 'active'`,
        [held.id, held.lease, position, leasedUntil],
      );
    },

    release(held: Subscription, position: bigint, nextAttempt: number): Promise<boolean> {
      return written(
        `update subscriptions
            set position = greatest(position, $3), leased_until = null, next_attempt_at = to_timestamp($4::float8 / 1000.0)
          where id = $1 and lease = $2`,
        [held.id, held.lease, position, nextAttempt],
      );
    },

    failed: leases.failed,
    anyDue: leases.anyDue,
  };

  async function written(text: string, values: readonly unknown[]): Promise<boolean> {
    return (await ask(pool, text, values)).rowCount === 1;
  }
}
export type Store = ReturnType<typeof createStore>;

function subscriptionOf(row: Row): Subscription {
  return {
    id: row.id,
    institution: row.institution,
    url: row.url,
    topics: row.topics,
    status: row.status,
    position: BigInt(row.position),
    createdAt: row.created_at.getTime(),
    attempts: row.attempts,
    failingSince: row.failing_since?.getTime(),
    lastFailure:
      row.last_failure === null || row.last_failure_at === null
        ? undefined
        : { at: row.last_failure_at.getTime(), detail: row.last_failure },
    lease: row.lease,
    record: row.record_id,
  };
}
