import type { RecordId } from '@countersign/kernel';
import { ask, type RowSeal, takeNamedLock, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { createLeases, type LeaseRequest } from '../store/leases.ts';
import type {
  QueuedClaims,
  SignalStream,
  SignalStreamId,
  StreamDelivery,
  StreamState,
  StreamStatus,
} from './stream.ts';
import type { SubjectIdentifier } from './subject.ts';

/** A stream that this node pushes for now. */
export interface LeasedStream {
  readonly id: SignalStreamId;
  readonly lease: string;
  readonly stream: SignalStream;
  readonly attempts: number;
  readonly failingSince: number | undefined;
}

export interface Queued {
  readonly place: string;
  readonly claims: QueuedClaims;
}

interface Row {
  readonly id: SignalStreamId;
  readonly institution: string;
  readonly audience: string;
  readonly description: string | null;
  readonly method: 'push' | 'poll';
  readonly endpoint_url: string | null;
  readonly authorization_sealed: Buffer | null;
  readonly events_requested: readonly string[] | null;
  readonly status: StreamStatus;
  readonly status_reason: string | null;
  readonly position: string;
  readonly revision: string;
  readonly verified_at: Date | null;
  readonly attempts: number;
  readonly failing_since: Date | null;
  readonly lease: string;
  readonly record_id: RecordId;
}

const columns = `id, institution, audience, description, method, endpoint_url, authorization_sealed, events_requested,
  status, status_reason, position, revision, verified_at, attempts, failing_since, lease,
  record_id`;

/** Serialises the institution, so that a count is still true when a row is added. */
export async function lockStreamsOf(session: pg.PoolClient, institution: string): Promise<void> {
  await takeNamedLock(session, `signal streams of ${institution}`);
}

export async function countStreams(session: pg.PoolClient, institution: string): Promise<number> {
  const { rows } = await ask<{ count: number }>(
    session,
    'select count(*)::integer as count from signal_streams where institution = $1',
    [institution],
  );
  return rows[0]?.count ?? 0;
}

export async function findStream(
  session: pg.Pool | pg.PoolClient,
  id: SignalStreamId,
  lock: '' | 'for update' = '',
): Promise<SignalStream | undefined> {
  const { rows } = await ask<Row>(session, `select ${columns} from signal_streams where id = $1 ${lock}`, [id]);
  return rows[0] && streamOf(rows[0]);
}

/** Changing a stream ends its lease and its failures. Disabling it deletes its queue. */
export async function putStream(
  session: pg.PoolClient,
  { id, institution, audience, description, delivery, eventsRequested, status, statusReason, position }: StreamState,
  { record, at }: { readonly record: RecordId; readonly at: number },
): Promise<void> {
  const pushed = delivery.method === 'push' ? delivery : undefined;
  await ask(
    session,
    `insert into signal_streams as stream (id, institution, audience, description, method, endpoint_url,
       authorization_sealed, events_requested, status, status_reason, position, record_id, created_at, next_attempt_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
       to_timestamp($13::float8 / 1000.0), to_timestamp($13::float8 / 1000.0))
     on conflict (id) do update
       set institution = excluded.institution, audience = excluded.audience, description = excluded.description,
           method = excluded.method, endpoint_url = excluded.endpoint_url,
           authorization_sealed = excluded.authorization_sealed, events_requested = excluded.events_requested,
           status = excluded.status, status_reason = excluded.status_reason, record_id = excluded.record_id,
           position = greatest(stream.position, excluded.position), revision = stream.revision + 1,
           attempts = 0, failing_since = null, next_attempt_at = excluded.next_attempt_at,
           lease = stream.lease + 1, leased_until = null`,
    [
      ...[id, institution, audience, description ?? null, delivery.method, pushed?.url ?? null],
      ...[pushed?.authorization ?? null, eventsRequested ?? null, status, statusReason ?? null, position, record, at],
    ],
  );
  if (status === 'disabled') await ask(session, 'delete from signal_queue where stream = $1', [id]);
}

export async function removeStream(session: pg.PoolClient, id: SignalStreamId): Promise<void> {
  await ask(session, 'delete from signal_streams where id = $1', [id]);
}

function createUnit(client: pg.PoolClient, rowSeal: RowSeal) {
  return {
    /** Serialises the institution, so that a count is still true when a row is added. */
    async lockInstitution(institution: string): Promise<void> {
      await lockStreamsOf(client, institution);
    },
    async ofInstitution(institution: string): Promise<readonly SignalStream[]> {
      const { rows } = await client.query<Row>(
        `select ${columns} from signal_streams where institution = $1 order by id for update`,
        [institution],
      );
      return rows.map(streamOf);
    },
    async setVerified(id: SignalStreamId, now: number): Promise<void> {
      await client.query(`update signal_streams set verified_at = to_timestamp($2::float8 / 1000.0) where id = $1`, [
        id,
        now,
      ]);
    },
    async queue(id: SignalStreamId, tokens: readonly QueuedClaims[]): Promise<void> {
      await queueTokens(client, rowSeal, id, tokens);
    },
    async countWaiting(id: SignalStreamId): Promise<number> {
      return countWaiting(client, id);
    },
    async countExclusions(id: SignalStreamId): Promise<number> {
      const { rows } = await client.query<{ count: number }>(
        'select count(*)::integer as count from signal_exclusions where stream = $1',
        [id],
      );
      return rows[0]?.count ?? 0;
    },
    /** @returns whether it is new */
    async exclude(id: SignalStreamId, digest: string, subject: SubjectIdentifier): Promise<boolean> {
      const { rowCount } = await client.query(
        `with added as (
           insert into signal_exclusions (stream, digest, subject) values ($1, $2, $3) on conflict do nothing returning 1)
         update signal_streams set revision = revision + 1 where id = $1 and exists (select from added)`,
        [id, digest, JSON.stringify(subject)],
      );
      return rowCount === 1;
    },
    /** @returns whether it was excluded */
    async include(id: SignalStreamId, digest: string): Promise<boolean> {
      const { rowCount } = await client.query(
        `with gone as (delete from signal_exclusions where stream = $1 and digest = $2 returning 1)
         update signal_streams set revision = revision + 1 where id = $1 and exists (select from gone)`,
        [id, digest],
      );
      return rowCount === 1;
    },
    /** Removes tokens that the receiver cannot use. @returns which of them existed */
    async drop(id: SignalStreamId, jtis: readonly string[]): Promise<readonly string[]> {
      const { rows } = await client.query<{ jti: string }>(
        'delete from signal_queue where stream = $1 and jti = any($2) returning jti',
        [id, jtis],
      );
      return rows.map(({ jti }) => jti);
    },
  };
}

/** The tables `signal_streams`, `signal_exclusions` and `signal_queue`. */
export function createSignalStore(pool: pg.Pool, rowSeal: RowSeal) {
  const leases = createLeases<Row>(pool, {
    name: 'signal_streams',
    active: `method = 'push' and status = 'enabled'`,
    hasNew: '(position < $3 or exists (select from signal_queue where stream = signal_streams.id))',
    columns,
  });

  return {
    inUnit: <Result>(work: (unit: ReturnType<typeof createUnit>) => Promise<Result>): Promise<Result> =>
      transaction(pool, (client) => work(createUnit(client, rowSeal))),

    async ofInstitution(institution: string): Promise<readonly SignalStream[]> {
      const { rows } = await ask<Row>(
        pool,
        `select ${columns} from signal_streams where institution = $1 order by id`,
        [institution],
      );
      return rows.map(streamOf);
    },

    find: (id: SignalStreamId): Promise<SignalStream | undefined> => findStream(pool, id),

    /** Digests of the excluded subjects. */
    async exclusions(id: SignalStreamId): Promise<ReadonlySet<string>> {
      const { rows } = await ask<{ digest: string }>(pool, 'select digest from signal_exclusions where stream = $1', [
        id,
      ]);
      return new Set(rows.map(({ digest }) => digest));
    },

    /** The oldest ones. A row without a valid seal is deleted and not sent. */
    async waiting(id: SignalStreamId, limit: number): Promise<readonly Queued[]> {
      const { rows } = await ask<Queued & { jti: string; seal: Buffer | null }>(
        pool,
        'select place, jti, claims, seal from signal_queue where stream = $1 order by place limit $2',
        [id, limit],
      );
      const ours = rows.filter(({ jti, claims, seal }) => rowSeal.holds(queued(id, jti), claims, seal));
      const others = rows.filter((row) => !ours.includes(row));
      if (others.length > 0)
        await ask(pool, 'delete from signal_queue where stream = $1 and place = any($2::bigint[])', [
          id,
          others.map(({ place }) => place),
        ]);
      return ours;
    },

    countWaiting: (id: SignalStreamId): Promise<number> => countWaiting(pool, id),

    /**
     * Queues tokens and moves the place on: both or neither.
     *
     * @returns false when another node has moved it, or the stream has changed
     */
    async fill(read: SignalStream, position: bigint, tokens: readonly QueuedClaims[]): Promise<boolean> {
      return transaction(pool, async (client) => {
        const { rowCount } = await client.query(
          `update signal_streams set position = $4
            where id = $1 and position = $2 and revision = $3 and status = 'enabled'`,
          [read.id, read.position, read.revision, position],
        );
        if (rowCount !== 1) return false;
        await queueTokens(client, rowSeal, read.id, tokens);
        return true;
      });
    },

    /** They are the receiver's now. */
    async acknowledge(id: SignalStreamId, jtis: readonly string[]): Promise<void> {
      await ask(pool, 'delete from signal_queue where stream = $1 and jti = any($2)', [id, jtis]);
    },

    async lease(wanted: LeaseRequest): Promise<readonly LeasedStream[]> {
      const rows = await leases.take(wanted);
      return rows.map((row) => ({
        id: row.id,
        lease: row.lease,
        stream: streamOf(row),
        attempts: row.attempts,
        failingSince: row.failing_since?.getTime(),
      }));
    },

    /** @returns false when another node holds the lease, or the stream is no longer pushed */
    async delivered({ id, lease }: LeasedStream, place: string, leasedUntil: number): Promise<boolean> {
      const { rowCount } = await ask(
        pool,
        `with gone as (delete from signal_queue where stream = $1 and place = $3)
         update signal_streams
            set attempts = 0, failing_since = null, leased_until = to_timestamp($4::float8 / 1000.0)
          where id = $1 and lease = $2 and method = 'push' and status = 'enabled'`,
        [id, lease, place, leasedUntil],
      );
      return rowCount === 1;
    },

    async release({ id, lease }: LeasedStream, nextAttempt: number): Promise<boolean> {
      const { rowCount } = await ask(
        pool,
        `update signal_streams set leased_until = null, next_attempt_at = to_timestamp($3::float8 / 1000.0)
          where id = $1 and lease = $2`,
        [id, lease, nextAttempt],
      );
      return rowCount === 1;
    },

    failed: leases.failed,
    anyDue: leases.anyDue,
  };
}
export type SignalStore = ReturnType<typeof createSignalStore>;

async function countWaiting(on: pg.Pool | pg.PoolClient, id: SignalStreamId): Promise<number> {
  const { rows } = await ask<{ count: number }>(
    on,
    'select count(*)::integer as count from signal_queue where stream = $1',
    [id],
  );
  return rows[0]?.count ?? 0;
}

/** A token that is read again is the same, so existing rows stay. */
async function queueTokens(
  client: pg.PoolClient,
  rowSeal: RowSeal,
  id: SignalStreamId,
  tokens: readonly QueuedClaims[],
): Promise<void> {
  if (tokens.length === 0) return;
  const written = tokens.map((token) => JSON.stringify(token));
  await client.query(
    `insert into signal_queue (stream, jti, claims, seal)
     select $1, jti, claims, seal
       from unnest($2::text[], $3::jsonb[], $4::bytea[]) with ordinality as token (jti, claims, seal, turn)
      order by turn on conflict (stream, jti) do nothing`,
    [
      id,
      tokens.map(({ jti }) => jti),
      written,
      tokens.map(({ jti }, at) => rowSeal.seal(queued(id, jti), JSON.parse(written[at] ?? ''))),
    ],
  );
}

const queued = (stream: SignalStreamId, jti: string): string => `signal-queue:${stream}:${jti}`;

function streamOf(row: Row): SignalStream {
  return {
    id: row.id,
    institution: row.institution,
    audience: row.audience,
    description: row.description ?? undefined,
    delivery: deliveryOf(row),
    eventsRequested: row.events_requested ?? undefined,
    status: row.status,
    statusReason: row.status_reason ?? undefined,
    position: BigInt(row.position),
    revision: row.revision,
    verifiedAt: row.verified_at?.getTime(),
    lease: row.lease,
    record: row.record_id,
  };
}

function deliveryOf({ endpoint_url: url, authorization_sealed: sealed }: Row): StreamDelivery {
  return url === null ? { method: 'poll' } : { method: 'push', url, authorization: sealed ?? undefined };
}
