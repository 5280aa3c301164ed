import type { RecordedKind } from '@countersign/commands';
import { type Json, type RecordId, toInstant } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';
import { carriedOf, type LeaseState, type StoredLease, stateOf } from '../lease-state.ts';

export type Session = pg.Pool | pg.PoolClient;

interface Row {
  readonly state: unknown;
  readonly record: RecordId;
}
const leaseIn = ({ state, record }: Row): StoredLease => ({ ...stateOf(state), change: record });

async function find(session: Session, slot: string): Promise<StoredLease | undefined> {
  const { rows } = await ask<Row>(session, 'select state, record from leases where slot = $1', [slot]);
  const [row] = rows;
  return row === undefined ? undefined : leaseIn(row);
}

/** Leases as rows that their newest record must confirm (docs/adr/0043). */
export const leasesAsRows: RecordedKind<string, LeaseState, StoredLease> = {
  kind: 'lease',
  find,
  async lock(session, slot) {
    await ask(session, 'select slot from leases where slot = $1 for update', [slot]);
    return find(session, slot);
  },
  recordOf: ({ change }) => change,
  content: carriedOf,
  stateOf: (carried) => stateOf(carried),
  async put(session, state, { record }) {
    const isToBeRemoved = state.status === 'ending' || state.status === 'irrevocable';
    await ask(
      session,
      `insert into leases (slot, state, record, due_at) values ($1, $2, $3, case when $4 then now() end)
       on conflict (slot) do update set state = excluded.state, record = excluded.record,
         due_at = case when $4 then coalesce(leases.due_at, excluded.due_at) end,
         attempts = case when $4 then leases.attempts else 0 end,
         departure_counted = leases.departure_counted and not $5,
         applied_until = case when $5 then leases.applied_until end`,
      [state.slot, JSON.stringify(carriedOf(state)), record, isToBeRemoved, state.status === 'active'],
    );
  },
};

/** Leases of a holder, and of a role, that have not ended; each counted up to a limit. */
export async function countLeases(
  session: Session,
  { holder, role }: { readonly holder: string; readonly role: string },
): Promise<{ readonly ofHolder: number; readonly ofRole: number }> {
  const { rows } = await ask<{ of_holder: number; of_role: number }>(
    session,
    `select (select count(*) from leases where holder = $1 and status <> 'ended')::integer as of_holder,
            (select count(*) from leases where role = $2 and status <> 'ended')::integer as of_role`,
    [holder, role],
  );
  const [row] = rows;
  return { ofHolder: row?.of_holder ?? 0, ofRole: row?.of_role ?? 0 };
}

/** Newest first. */
export async function listLeases(
  session: Session,
  filter: {
    readonly holder: string | undefined;
    readonly institution: string | undefined;
    readonly role: string | undefined;
    readonly status: string | undefined;
    readonly limit: number;
  },
): Promise<readonly StoredLease[]> {
  const { rows } = await ask<Row>(
    session,
    `select state, record from leases
      where ($1::text is null or holder = $1) and ($2::text is null or institution = $2) and ($3::text is null or role = $3)
        and ($4::text is null or status = $4)
      order by issued_at desc, slot limit $5`,
    [filter.holder ?? null, filter.institution ?? null, filter.role ?? null, filter.status ?? null, filter.limit],
  );
  return rows.map(leaseIn);
}

/** Slots of active leases under one of these revocation keys, or with one of these people. */
export async function slotsToExamine(
  session: Session,
  by:
    | { readonly keys: readonly string[] }
    | { readonly people: readonly string[] }
    | { readonly roles: readonly string[] },
  after: string,
  limit: number,
): Promise<readonly string[]> {
  const [condition, values] =
    'keys' in by
      ? ["state -> 'revocation_keys' ?| $1", by.keys]
      : 'people' in by
        ? ["state -> 'people' ?| $1", by.people]
        : ['role = any($1)', by.roles];
  const { rows } = await ask<{ slot: string }>(
    session,
    `select slot from leases where status = 'active' and ${condition} and slot > $2 order by slot limit $3`,
    [values, after, limit],
  );
  return rows.map(({ slot }) => slot);
}

/**
 * Counts the leases that ended because a principal left, each once, whether the departure or the log's reader ended them.
 *
 * @param before only leases that were issued until then; milliseconds since the epoch
 */
export async function countDeparted(session: Session, principal: string, before: number): Promise<number> {
  const { rowCount } = await ask(
    session,
    `update leases set departure_counted = true
      where status <> 'active' and not departure_counted and state ->> 'ending' = 'departed' and state -> 'people' ? $1 and issued_at <= $2`,
    [principal, toInstant(before)],
  );
  return rowCount ?? 0;
}

/** Slots of active leases that have expired. */
export async function expiredSlots(session: Session, now: number, limit: number): Promise<readonly string[]> {
  const { rows } = await ask<{ slot: string }>(
    session,
    `select slot from leases where status = 'active' and expires_at <= $1 order by expires_at limit $2`,
    [toInstant(now), limit],
  );
  return rows.map(({ slot }) => slot);
}

/**
 * Takes leases whose credential has to be removed. Other nodes do not take them before `nextAt`.
 * @returns slots with the number of attempts so far
 */
export async function takeRemovals(
  session: Session,
  { now, nextAt, limit }: { readonly now: number; readonly nextAt: number; readonly limit: number },
): Promise<readonly { readonly slot: string; readonly attempts: number }[]> {
  const { rows } = await ask<{ slot: string; attempts: number }>(
    session,
    `update leases set due_at = $2, attempts = attempts + 1 where slot in
       (select slot from leases where status in ('ending', 'irrevocable') and (due_at is null or due_at <= $1)
         order by due_at limit $3 for update skip locked)
     returning slot, attempts`,
    [toInstant(now), toInstant(nextAt), limit],
  );
  return rows;
}

export async function postponeRemoval(session: Session, slot: string, at: number): Promise<void> {
  await ask(session, 'update leases set due_at = $2 where slot = $1', [slot, toInstant(at)]);
}

/** Slots of active leases whose expiry the leased database does not have yet. */
export async function unappliedSlots(session: Session, before: number, limit: number): Promise<readonly string[]> {
  const { rows } = await ask<{ slot: string }>(
    session,
    `select slot from leases where status = 'active' and applied_until is distinct from expires_at and issued_at < $1
      order by slot limit $2`,
    [toInstant(before), limit],
  );
  return rows.map(({ slot }) => slot);
}

export async function keepApplied(session: Session, slot: string, until: number): Promise<void> {
  await ask(session, 'update leases set applied_until = $2 where slot = $1', [slot, toInstant(until)]);
}

export async function countByStatus(session: Session): Promise<ReadonlyMap<string, number>> {
  const { rows } = await ask<{ status: string; many: number }>(
    session,
    `select status, count(*)::integer as many from leases where status <> 'ended' group by status`,
  );
  return new Map(rows.map(({ status, many }) => [status, many]));
}

/** The stored rows of these leases, to be compared with their records. */
export async function storedRows(
  session: Session,
  slots: readonly string[],
): Promise<ReadonlyMap<string, { readonly state: Json; readonly record: RecordId }>> {
  const { rows } = await ask<{ slot: string; state: Json; record: RecordId }>(
    session,
    'select slot, state, record from leases where slot = any($1)',
    [slots],
  );
  return new Map(rows.map(({ slot, state, record }) => [slot, { state, record }]));
}

/** Slots of leases that have not ended, by slot. */
export async function unendedSlots(session: Session, after: string, limit: number): Promise<readonly string[]> {
  const { rows } = await ask<{ slot: string }>(
    session,
    `select slot from leases where status <> 'ended' and slot > $1 order by slot limit $2`,
    [after, limit],
  );
  return rows.map(({ slot }) => slot);
}
