import { type ClientId, type PrincipalId, parseClientId, parsePrincipalId } from '@countersign/contracts';
import { defined, type GrantId, type Json, parseId, type RecordId } from '@countersign/kernel';
import { ask, type NamedStatement, type RowSeal, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { type Queryable, removeExpiredRows, rowContent, takeOnce } from '../row-store.ts';
import type { AskedTerms } from './parse-request.ts';

/** Times are milliseconds since the epoch. */
export interface AskedRequest {
  /** SHA-256 of the auth_req_id. */
  readonly hash: Buffer;
  readonly client: ClientId;
  readonly person: PrincipalId;
  readonly asked: AskedTerms;
  readonly acrValues: readonly string[];
  readonly bindingMessage?: string;
  /** The key or certificate that the client must present to redeem it. */
  readonly holder: RequestHolder;
  /** The record `backchannel.requested`. */
  readonly recordId: RecordId;
  readonly requestedAt: number;
  readonly expiresAt: number;
}

/** The key or certificate that the client presented with its request, if any. */
export interface RequestHolder {
  readonly jkt?: string;
  readonly certificate?: string;
}

export interface KeptRequest extends AskedRequest {
  readonly decided?: { readonly outcome: 'allowed' | 'denied'; readonly at: number; readonly grant?: GrantId };
  readonly redeemed: boolean;
}

interface Row {
  readonly id_hash: Buffer;
  readonly client: string;
  readonly person: string;
  readonly scopes: readonly string[];
  readonly resource: string | null;
  readonly details: readonly Json[] | null;
  readonly acr_values: readonly string[];
  readonly binding_message: string | null;
  readonly jkt: string | null;
  readonly certificate: string | null;
  readonly record_id: string;
  readonly requested_ms: number;
  readonly expires_ms: number;
  readonly outcome: 'allowed' | 'denied' | null;
  readonly decided_ms: number | null;
  readonly grant_id: string | null;
  readonly redeemed: boolean;
  readonly seal: Buffer | null;
}

const columns = `id_hash, client, person, scopes, resource, details, acr_values, binding_message, jkt, certificate, record_id,
  extract(epoch from requested_at)::float8 * 1000 as requested_ms, extract(epoch from expires_at)::float8 * 1000 as expires_ms,
  outcome, extract(epoch from decided_at)::float8 * 1000 as decided_ms, grant_id, redeemed_at is not null as redeemed, seal`;

/** Ended by the token's record, whatever the row says. */
export const redemptionThing = (record: RecordId): string => `backchannel-request:${record}`;

/** Rows without a valid seal are ignored. The decision seals the row again. */
export function createBackchannelStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = ({ hash, ...request }: AskedRequest & Pick<KeptRequest, 'decided'>) =>
    [`backchannel-request/${hash.toString('base64url')}`, rowContent(request)] as const;
  async function select(query: NamedStatement, within: Queryable = pool): Promise<readonly KeptRequest[]> {
    const { rows } = await ask<Row>(within, query);
    return rows.flatMap((row) => {
      const { redeemed, ...request } = requestOf(row);
      return rowSeal.holds(...sealed(request), row.seal) ? [{ ...request, redeemed }] : [];
    });
  }
  async function count(query: NamedStatement): Promise<number> {
    const { rows } = await ask<{ count: number }>(pool, query);
    return rows[0]?.count ?? 0;
  }

  return {
    async insert(
      request: AskedRequest,
      kept: { readonly pollIntervalSeconds: number; readonly ping?: Buffer; readonly removedAfter: number },
    ): Promise<void> {
      const { asked, holder } = request;
      await ask(pool, {
        name: 'backchannel-insert',
        text: `insert into backchannel_requests (id_hash, client, person, scopes, resource, details, acr_values, binding_message,
                   jkt, certificate, record_id, requested_at, expires_at, poll_interval, next_poll, ping, removed_after, seal)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, to_timestamp($12::float8 / 1000.0),
                   to_timestamp($13::float8 / 1000.0), $14, to_timestamp($12::float8 / 1000.0), $15,
                   to_timestamp($16::float8 / 1000.0), $17)`,
        values: [
          ...[request.hash, request.client, request.person, asked.scope, asked.resource ?? null],
          ...[asked.details === undefined ? null : JSON.stringify(asked.details), request.acrValues],
          ...[request.bindingMessage ?? null, holder.jkt ?? null, holder.certificate ?? null, request.recordId],
          ...[request.requestedAt, request.expiresAt, kept.pollIntervalSeconds, kept.ping ?? null],
          ...[kept.removedAfter, rowSeal.seal(...sealed(request))],
        ],
      });
    },
    async find(hash: Buffer): Promise<KeptRequest | undefined> {
      const [found] = await select({
        name: 'backchannel-find',
        text: `select ${columns} from backchannel_requests where id_hash = $1`,
        values: [hash],
      });
      return found;
    },
    /** Stops counting at `limit`. */
    openOfClient: (client: ClientId, now: number, limit: number) =>
      count({
        name: 'backchannel-open-of-client',
        text: `select count(*)::integer as count from (
                 select 1 from backchannel_requests
                  where client = $1 and outcome is null and expires_at > to_timestamp($2::float8 / 1000.0)
                  limit $3) as open`,
        values: [client, now, limit],
      }),
    openForPerson: (client: ClientId, person: PrincipalId, now: number, limit: number) =>
      count({
        name: 'backchannel-open-for-person',
        text: `select count(*)::integer as count from (
                 select 1 from backchannel_requests
                  where person = $2 and client = $1 and outcome is null and expires_at > to_timestamp($3::float8 / 1000.0)
                  limit $4) as open`,
        values: [client, person, now, limit],
      }),
    /** First to expire first. */
    waitingFor: (person: PrincipalId, now: number, limit: number) =>
      select({
        name: 'backchannel-waiting',
        text: `select ${columns} from backchannel_requests
                where person = $1 and outcome is null and expires_at > to_timestamp($2::float8 / 1000.0)
                order by expires_at limit $3`,
        values: [person, now, limit],
      }),
    /** Of the same client to the same person, newest first. */
    askedBefore: ({ hash, person, client, requestedAt }: AskedRequest, limit: number) =>
      select({
        name: 'backchannel-before',
        text: `select ${columns} from backchannel_requests
                where person = $1 and client = $2 and requested_at <= to_timestamp($3::float8 / 1000.0) and id_hash <> $5
                order by requested_at desc limit $4`,
        values: [person, client, requestedAt, limit, hash],
      }),
    /**
     * Counts a poll. Of concurrent polls on all nodes, only the first is on time; an early poll lengthens the interval.
     *
     * @param tolerance milliseconds by which a poll may be early
     * @returns undefined if the request has been decided meanwhile
     */
    async poll(
      hash: Buffer,
      now: number,
      { tolerance, penaltySeconds }: { readonly tolerance: number; readonly penaltySeconds: number },
    ): Promise<{ readonly early: boolean; readonly intervalSeconds: number } | undefined> {
      const early = 'next_poll > to_timestamp(($2::float8 + $3::float8) / 1000.0)';
      const interval = `poll_interval + case when ${early} then $4::integer else 0 end`;
      const { rows } = await ask<{ polled_early: boolean; poll_interval: number }>(pool, {
        name: 'backchannel-poll',
        text: `update backchannel_requests
                    set polled_early = ${early},
                        poll_interval = ${interval},
                        next_poll = to_timestamp($2::float8 / 1000.0) + make_interval(secs => ${interval})
                  where id_hash = $1 and outcome is null
              returning polled_early, poll_interval`,
        values: [hash, now, tolerance, penaltySeconds],
      });
      const [row] = rows;
      return row && { early: row.polled_early, intervalSeconds: row.poll_interval };
    },
    /** @returns whether this call redeemed it */
    redeem: (hash: Buffer, now: number) =>
      takeOnce(
        pool,
        {
          table: 'backchannel_requests',
          key: 'id_hash',
          column: 'redeemed_at',
          condition: "outcome = 'allowed' and expires_at > to_timestamp($2::float8 / 1000.0)",
        },
        hash,
        now,
      ),
    /** Commits the decision of `work` if it resolves. A ping becomes due at the same time. */
    underLock<Result>(
      hash: Buffer,
      work: (
        request: KeptRequest | undefined,
        decide: (decision: { readonly at: number; readonly grant?: GrantId }) => Promise<void>,
      ) => Promise<Result>,
    ): Promise<Result> {
      return transaction(pool, async (connection) => {
        const text = `select ${columns} from backchannel_requests where id_hash = $1 for update`;
        const [found] = await select({ name: 'backchannel-lock', text, values: [hash] }, connection);
        return work(found, async ({ at, grant }) => {
          if (found === undefined) throw new Error('the backchannel request to decide does not exist');
          const outcome = grant === undefined ? 'denied' : 'allowed';
          const { redeemed: _redeemed, ...request } = found;
          const decided = { outcome, at, ...defined({ grant }) } as const;
          await connection.query({
            name: 'backchannel-decide',
            text: `update backchannel_requests
                      set outcome = $2, decided_at = to_timestamp($3::float8 / 1000.0), grant_id = $4,
                          ping_at = case when ping is null then null else to_timestamp($3::float8 / 1000.0) end,
                          seal = $5
                    where id_hash = $1`,
            values: [hash, outcome, at, grant ?? null, rowSeal.seal(...sealed({ ...request, decided }))],
          });
        });
      });
    },
    removeExpired: (now: number, limit: number) =>
      removeExpiredRows(pool, { table: 'backchannel_requests', key: 'id_hash', column: 'removed_after' }, now, limit),
  };
}

export type BackchannelStore = ReturnType<typeof createBackchannelStore>;

function requestOf(row: Row): KeptRequest {
  const { id_hash: hash, scopes: scope, acr_values: acrValues, outcome, redeemed } = row;
  const client = parseClientId(row.client);
  const person = parsePrincipalId(row.person);
  const recordId = parseId('record', row.record_id);
  const grant = parseId('grant', row.grant_id);
  if (client === undefined || person === undefined || recordId === undefined)
    throw new Error('a backchannel request row has an invalid client, person or record id');
  if (row.grant_id !== null && grant === undefined)
    throw new Error('a backchannel request row has an invalid grant id');
  const present = <Value>(value: Value | null): Value | undefined => value ?? undefined;
  const decided =
    outcome === null ? undefined : { outcome, at: Math.round(row.decided_ms ?? 0), ...defined({ grant }) };
  return {
    hash,
    client,
    person,
    acrValues,
    recordId,
    redeemed,
    asked: { scope, ...defined({ resource: present(row.resource), details: present(row.details) }) },
    ...defined({ bindingMessage: present(row.binding_message), decided }),
    holder: defined({ jkt: present(row.jkt), certificate: present(row.certificate) }),
    requestedAt: Math.round(row.requested_ms),
    expiresAt: Math.round(row.expires_ms),
  };
}
