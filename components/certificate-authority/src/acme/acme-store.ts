import type { RecordedKind } from '@countersign/commands';
import type { EnrolmentId, RecordId } from '@countersign/kernel';
import { toInstant } from '@countersign/kernel';
import { ask, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { carriedOf, type EnrolmentState, type StoredEnrolment, stateOf } from './enrolment-state.ts';

type Session = pg.Pool | pg.PoolClient;

interface EnrolmentRow {
  readonly state: unknown;
  readonly record: RecordId;
}

const enrolmentOf = ({ state, record }: EnrolmentRow): StoredEnrolment => ({ ...stateOf(state), change: record });

async function findEnrolment(session: Session, id: string): Promise<StoredEnrolment | undefined> {
  const { rows } = await ask<EnrolmentRow>(session, 'select state, record from enrolments where id = $1', [id]);
  const [row] = rows;
  return row && enrolmentOf(row);
}

/** Enrolments as rows that their newest record must confirm (docs/adr/0043). */
export const enrolmentsAsRows: RecordedKind<EnrolmentId, EnrolmentState, StoredEnrolment> = {
  kind: 'enrolment',
  find: findEnrolment,
  async lock(session, id) {
    await ask(session, 'select id from enrolments where id = $1 for update', [id]);
    return findEnrolment(session, id);
  },
  recordOf: ({ change }) => change,
  content: carriedOf,
  stateOf: (carried) => stateOf(carried),
  async put(session, state, { record }) {
    await ask(
      session,
      `insert into enrolments (id, state, record, holder, institution, profile, account_key, made_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (id) do update set state = excluded.state, record = excluded.record, holder = excluded.holder,
         institution = excluded.institution, profile = excluded.profile, account_key = excluded.account_key,
         made_at = excluded.made_at`,
      [
        ...[state.id, JSON.stringify(carriedOf(state)), record, state.holder, state.institution, state.profile],
        ...[state.account?.thumbprint ?? null, toInstant(state.madeAt)],
      ],
    );
  },
};

/** Newest first. */
export async function listEnrolments(
  session: Session,
  filter: { readonly holder: string | undefined; readonly institution: string | undefined; readonly limit: number },
): Promise<readonly StoredEnrolment[]> {
  const { rows } = await ask<EnrolmentRow>(
    session,
    `select state, record from enrolments
      where ($1::text is null or holder = $1) and ($2::text is null or institution = $2)
      order by made_at desc, id limit $3`,
    [filter.holder ?? null, filter.institution ?? null, filter.limit],
  );
  return rows.map(enrolmentOf);
}

export async function findEnrolmentByKey(session: Session, thumbprint: string): Promise<EnrolmentId | undefined> {
  const { rows } = await ask<EnrolmentRow>(session, 'select state, record from enrolments where account_key = $1', [
    thumbprint,
  ]);
  const [row] = rows;
  return row && enrolmentOf(row).id;
}

/** An order. It carries no authority: the enrolment decides, and the certificate with its serial number. */
export interface StoredOrder {
  readonly id: string;
  readonly enrolment: string;
  readonly identifiers: readonly { readonly type: string; readonly value: string }[];
  /** Serial number of its certificate, chosen when the order is made. */
  readonly serial: string;
  /** Serial number of the certificate that it replaces. */
  readonly replaces: string | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

interface OrderRow {
  readonly id: string;
  readonly enrolment: string;
  readonly identifiers: StoredOrder['identifiers'];
  readonly serial: string;
  readonly replaces: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

const orderColumns = 'id, enrolment, identifiers, serial, replaces, created_at, expires_at';

function orderOf(row: OrderRow): StoredOrder {
  const { id, enrolment, identifiers, serial, replaces, created_at: created, expires_at: expires } = row;
  return {
    ...{ id, enrolment, identifiers, serial },
    replaces: replaces ?? undefined,
    createdAt: created.getTime(),
    expiresAt: expires.getTime(),
  };
}

/**
 * Adds an order unless the account has reached its limit. Orders are counted under the lock of the enrolment, so that
 * nodes see each other's.
 * @param limits.since start of the period, in milliseconds since the epoch
 * @returns whether it was added
 */
export async function addOrder(
  pool: pg.Pool,
  order: StoredOrder,
  limits: { readonly since: number; readonly orders: number },
): Promise<boolean> {
  return transaction(pool, async (session) => {
    await ask(session, 'select id from enrolments where id = $1 for update', [order.enrolment]);
    const { rows } = await ask<{ readonly orders: number }>(
      session,
      'select count(*)::integer as orders from acme_orders where enrolment = $1 and created_at > $2',
      [order.enrolment, toInstant(limits.since)],
    );
    if ((rows[0]?.orders ?? 0) >= limits.orders) return false;
    await ask(session, `insert into acme_orders (${orderColumns}) values ($1, $2, $3, $4, $5, $6, $7)`, [
      ...[order.id, order.enrolment, JSON.stringify(order.identifiers), order.serial, order.replaces ?? null],
      ...[toInstant(order.createdAt), toInstant(order.expiresAt)],
    ]);
    return true;
  });
}

export async function findOrder(session: Session, id: string): Promise<StoredOrder | undefined> {
  const { rows } = await ask<OrderRow>(session, `select ${orderColumns} from acme_orders where id = $1`, [id]);
  const [row] = rows;
  return row && orderOf(row);
}

/** The newest orders of an account. */
export async function listOrders(session: Session, enrolment: string, limit: number): Promise<readonly StoredOrder[]> {
  const { rows } = await ask<OrderRow>(
    session,
    `select ${orderColumns} from acme_orders where enrolment = $1 order by created_at desc, id limit $2`,
    [enrolment, limit],
  );
  return rows.map(orderOf);
}

/** Removes orders that ended before a time. @returns how many */
export async function forgetOrders(session: Session, before: number): Promise<number> {
  const { rowCount } = await ask(
    session,
    `delete from acme_orders where id in
       (select id from acme_orders where expires_at < $1 order by expires_at limit 1000)`,
    [toInstant(before)],
  );
  return rowCount ?? 0;
}
