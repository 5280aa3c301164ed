import type { EventSubscription, EventTopic } from '@countersign/contracts';
import type { RecordId, SubscriptionId } from '@countersign/kernel';
import { ask, takeNamedLock, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { positionText } from './position.ts';
import { createLeases, type LeaseRequest } from './store/leases.ts';

/** A subscription that this node delivers for now. */
export interface Leased {
  readonly id: SubscriptionId;
  readonly institution: string;
  readonly url: string;
  readonly topics: readonly EventTopic[];
  readonly position: bigint;
  readonly attempts: number;
  /** Milliseconds since the epoch, as are all times here. */
  readonly failingSince: number | undefined;
  /** What this holder writes by: a later holder has a greater one, and what is written by an older one is not taken. */
  readonly lease: string;
}

export interface NewSubscription {
  readonly id: SubscriptionId;
  readonly institution: string;
  readonly url: string;
  readonly topics: readonly EventTopic[];
  readonly position: bigint;
  readonly at: number;
  readonly recordId: RecordId;
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
}

const columns = `id, institution, url, topics, status, position, created_at, attempts, failing_since, last_failure_at,
  last_failure, lease`;

/** The questions of one transaction of the database. */
function createUnit(client: pg.PoolClient) {
  return {
    /** One at a time for an institution: so that what is counted is still so when a row is added. */
    async lockInstitution(institution: string): Promise<void> {
      await takeNamedLock(client, `subscriptions of ${institution}`);
    },
    async ofInstitution(institution: string): Promise<readonly EventSubscription[]> {
      return listed(client, institution);
    },
    async put({ id, institution, url, topics, position, at, recordId }: NewSubscription): Promise<EventSubscription> {
      const { rows } = await client.query<Row>(
        `insert into subscriptions (id, institution, url, topics, status, position, created_at, next_attempt_at, record_id)
         values ($1, $2, $3, $4, 'active', $5, to_timestamp($6::float8 / 1000.0), to_timestamp($6::float8 / 1000.0), $7)
         returning ${columns}`,
        [id, institution, url, topics, position, at, recordId],
      );
      const [row] = rows;
      if (row === undefined) throw new Error('a subscription was written and did not come back');
      return subscriptionOf(row);
    },
    async remove(id: SubscriptionId): Promise<void> {
      await client.query('delete from subscriptions where id = $1', [id]);
    },
    async resume(id: SubscriptionId, now: number): Promise<void> {
      await client.query(
        `update subscriptions
            set status = 'active', attempts = 0, failing_since = null, next_attempt_at = to_timestamp($2::float8 / 1000.0)
          where id = $1`,
        [id, now],
      );
    },
    /**
     * Takes the subscription out of delivery, while the lease still is the one named.
     *
     * @returns the place it stays at; undefined when it was not taken out
     */
    async suspend(id: SubscriptionId, lease: string): Promise<bigint | undefined> {
      const { rows } = await client.query<{ position: string }>(
        `update subscriptions set status = 'suspended', leased_until = null
          where id = $1 and lease = $2 and status = 'active' returning position`,
        [id, lease],
      );
      return rows[0] === undefined ? undefined : BigInt(rows[0].position);
    },
  };
}

/** The table `subscriptions`. */
export function createStore(pool: pg.Pool) {
  const leases = createLeases<Row>(pool, {
    name: 'subscriptions',
    active: `status = 'active'`,
    hasNew: 'position < $3',
    columns,
  });
  return {
    inUnit: <Result>(work: (unit: ReturnType<typeof createUnit>) => Promise<Result>): Promise<Result> =>
      transaction(pool, (client) => work(createUnit(client))),

    ofInstitution: (institution: string): Promise<readonly EventSubscription[]> => listed(pool, institution),

    /** See {@link createLeases}. */
    async lease(wanted: LeaseRequest): Promise<readonly Leased[]> {
      const rows = await leases.take(wanted);
      return rows.map((row) => ({
        id: row.id,
        institution: row.institution,
        url: row.url,
        topics: row.topics,
        position: BigInt(row.position),
        attempts: row.attempts,
        failingSince: row.failing_since?.getTime(),
        lease: row.lease,
      }));
    },

    /** Everything up to the place has been delivered. @returns false when another holds the lease, or it is over */
    advance(held: Leased, position: bigint, leasedUntil: number): Promise<boolean> {
      return written(
        `update subscriptions
            set position = $3, attempts = 0, failing_since = null, leased_until = to_timestamp($4::float8 / 1000.0)
          where id = $1 and lease = $2 and status = 'active'`,
        [held.id, held.lease, position, leasedUntil],
      );
    },

    /** The turn is over: everything up to the place has been delivered or is others', and another may go on at once. */
    release(held: Leased, position: bigint, nextAttempt: number): Promise<boolean> {
      return written(
        `update subscriptions
            set position = greatest(position, $3), leased_until = null, next_attempt_at = to_timestamp($4::float8 / 1000.0)
          where id = $1 and lease = $2`,
        [held.id, held.lease, position, nextAttempt],
      );
    },

    failed: leases.failed,
  };

  async function written(text: string, values: readonly unknown[]): Promise<boolean> {
    return (await ask(pool, text, values)).rowCount === 1;
  }
}
export type Store = ReturnType<typeof createStore>;

async function listed(on: pg.Pool | pg.PoolClient, institution: string): Promise<readonly EventSubscription[]> {
  const { rows } = await ask<Row>(on, `select ${columns} from subscriptions where institution = $1 order by id`, [
    institution,
  ]);
  return rows.map(subscriptionOf);
}

function subscriptionOf(row: Row): EventSubscription {
  return {
    id: row.id,
    institution: row.institution,
    url: row.url,
    topics: row.topics,
    status: row.status,
    position: positionText(BigInt(row.position)),
    createdAt: row.created_at.toISOString(),
    attempts: row.attempts,
    ...(row.last_failure === null || row.last_failure_at === null
      ? {}
      : { lastFailure: { at: row.last_failure_at.toISOString(), detail: row.last_failure } }),
  };
}
