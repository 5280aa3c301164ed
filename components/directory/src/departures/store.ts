import { type Actor, type Claim, type Departure, type PrincipalId, parsePrincipalId } from '@countersign/contracts';
import { type DepartureId, defined, parseId, type RecordId } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';
import type { Session } from '../store.ts';

export interface NewDeparture {
  readonly id: DepartureId;
  readonly kind: Departure['kind'];
  readonly principal: PrincipalId;
  readonly institution?: string | null;
  readonly at: Date;
  readonly by: Actor;
  readonly reason: string;
  readonly recordId: RecordId;
  readonly completionRecord: RecordId;
}

type StoredEffect = Departure['effects'][number];

export interface StoredDeparture extends NewDeparture {
  readonly status: Departure['status'];
  readonly attempts: number;
  readonly effects: readonly StoredEffect[];
}

interface Row {
  readonly id: string;
  readonly kind: Departure['kind'];
  readonly principal: string;
  readonly institution: string | null;
  readonly at: Date;
  readonly by: Actor;
  readonly reason: string;
  readonly recordId: RecordId;
  readonly completionRecord: RecordId;
  readonly status: Departure['status'];
  readonly attempts: number;
  readonly effects: readonly {
    readonly name: string;
    readonly status: 'pending' | 'done';
    readonly ended: number | null;
    readonly last_failure: string | null;
  }[];
}

const columns = `departures.id, departures.kind, departures.principal, departures.institution, departures.started_at as at,
  departures.started_by as by, departures.reason, departures.record_id as "recordId",
  departures.completion_record as "completionRecord", departures.status, departures.attempts,
  coalesce((select jsonb_agg(to_jsonb(effect) order by effect.position)
              from departure_effects effect where effect.departure = departures.id), '[]') as effects`;

export async function insertDepartures(
  session: pg.PoolClient,
  departures: readonly NewDeparture[],
  effects: readonly string[],
): Promise<void> {
  await session.query(
    `insert into departures (id, kind, principal, started_at, started_by, reason, record_id, completion_record, institution, next_attempt)
     select id, kind, principal, at, by, reason, record_id, completion_record, institution, at
       from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[], $6::text[], $7::text[], $8::text[], $9::text[])
         as departure (id, kind, principal, at, by, reason, record_id, completion_record, institution)`,
    [
      departures.map(({ id }) => id),
      departures.map(({ kind }) => kind),
      departures.map(({ principal }) => principal),
      departures.map(({ at }) => at),
      departures.map(({ by }) => JSON.stringify(by)),
      departures.map(({ reason }) => reason),
      departures.map(({ recordId }) => recordId),
      departures.map(({ completionRecord }) => completionRecord),
      departures.map(({ institution }) => institution ?? null),
    ],
  );
  await session.query(
    `insert into departure_effects (departure, position, name)
     select departure.id, effect.position, effect.name
       from unnest($1::text[]) as departure (id), unnest($2::text[]) with ordinality as effect (name, position)`,
    [departures.map(({ id }) => id), effects],
  );
}

/** For `leaseMs`; then another node takes over. Departures of one principal run one after another, oldest first. */
export async function takeDepartures(
  session: Session,
  taking: { readonly claim: string; readonly now: number; readonly leaseMs: number; readonly limit: number },
): Promise<readonly StoredDeparture[]> {
  const { claim, now, leaseMs, limit } = taking;
  return answered(
    session.query<Row>(
      `update departures set claim = $1, attempts = attempts + 1, next_attempt = $3
        where id in (
          select due.id from departures due
           where due.status = 'in-progress' and due.next_attempt <= $2
             and not exists (select from departures earlier
                              where earlier.principal = due.principal and earlier.serial < due.serial
                                and earlier.status = 'in-progress')
           order by due.next_attempt limit $4 for update skip locked)
       returning ${columns}`,
      [claim, new Date(now), new Date(now + leaseMs), limit],
    ),
  );
}

export async function extendClaim(session: Session, id: DepartureId, claim: string, until: number): Promise<boolean> {
  return changedOne(
    session.query(`update departures set next_attempt = $3 where id = $1 and claim = $2 and status = 'in-progress'`, [
      id,
      claim,
      new Date(until),
    ]),
  );
}

export async function postponeDeparture(session: Session, id: DepartureId, claim: string, next: number): Promise<void> {
  await changedOne(
    session.query(
      `update departures set next_attempt = $3, claim = null where id = $1 and claim = $2 and status = 'in-progress'`,
      [id, claim, new Date(next)],
    ),
  );
}

export async function settleEffect(
  session: Session,
  id: DepartureId,
  claim: string,
  effect: { readonly position: number; readonly ended?: number; readonly failure?: string },
): Promise<boolean> {
  return changedOne(
    session.query(
      `update departure_effects
          set status = case when $4::integer is null then status else 'done' end,
              ended = coalesce($4::integer, ended),
              last_failure = coalesce($5, last_failure)
        where departure = $1 and position = $3
          and exists (select from departures where id = $1 and claim = $2 and status = 'in-progress')`,
      [id, claim, effect.position, effect.ended ?? null, effect.failure ?? null],
    ),
  );
}

export async function completeDeparture(session: Session, id: DepartureId, claim: string): Promise<void> {
  await changedOne(
    session.query(
      `update departures set status = 'completed', claim = null where id = $1 and claim = $2 and status = 'in-progress'`,
      [id, claim],
    ),
  );
}

export async function listDepartures(
  session: Session,
  filter: {
    readonly status?: Departure['status'] | undefined;
    readonly principal?: string | undefined;
    readonly kind?: Departure['kind'] | undefined;
    readonly ids?: readonly DepartureId[] | undefined;
    readonly limit: number;
  },
): Promise<readonly StoredDeparture[]> {
  return answered(
    session.query<Row>(
      `select ${columns} from departures
        where ($1::text is null or status = $1) and ($2::text is null or principal = $2)
          and ($3::text is null or kind = $3) and ($4::text[] is null or id = any($4))
        order by serial desc limit $5`,
      [filter.status ?? null, filter.principal ?? null, filter.kind ?? null, filter.ids ?? null, filter.limit],
    ),
  );
}

/** Whether this principal has left or moved since, even if it has returned. */
export async function hasDepartedSince(session: Session, principal: string, since: Date): Promise<boolean> {
  return changedOne(
    session.query('select from departures where principal = $1 and started_at >= $2 limit 1', [principal, since]),
  );
}

async function answered(query: Promise<pg.QueryResult<Row>>): Promise<readonly StoredDeparture[]> {
  try {
    return (await query).rows.map(departureOf);
  } catch (error) {
    throw databaseFailure(error);
  }
}

async function changedOne(query: Promise<pg.QueryResult>): Promise<boolean> {
  try {
    return (await query).rowCount === 1;
  } catch (error) {
    throw databaseFailure(error);
  }
}

function departureOf(row: Row): StoredDeparture {
  const id = parseId('departure', row.id);
  const principal = parsePrincipalId(row.principal);
  if (id === undefined || principal === undefined) throw new Error(`a stored departure cannot be read: ${row.id}`);
  const effects = row.effects.map(({ name, status, ended, last_failure: lastFailure }) => ({
    name,
    status,
    ...defined({ ended: ended ?? undefined, lastFailure: lastFailure ?? undefined }),
  }));
  return { ...row, id, principal, effects };
}

/** Records name this requester as the actor of each effect. */
export function departureClaim(departure: NewDeparture): Claim {
  const { id, kind, principal, institution, at, by, reason, recordId, completionRecord } = departure;
  return {
    of: `departure:${id}`,
    content: {
      ...{ kind, principal, institution: institution ?? null, at: at.getTime(), reason },
      by: { id: by.id, institution: by.institution ?? null },
      records: [recordId, completionRecord],
    },
  };
}
