import type { RecordedKind } from '@countersign/commands';
import type { IncidentStatus } from '@countersign/contracts';
import { type IncidentId, parseId, type RecordId, type TokenId, toInstant } from '@countersign/kernel';
import { ask, takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';
import {
  type Carried,
  carriedMembers,
  carriedOf,
  firstLook,
  type IncidentState,
  type StoredIncident,
  stateOf,
} from './incident-state.ts';
import { declaredContent } from './uncarried.ts';

export type Session = pg.Pool | pg.PoolClient;

type Row = Readonly<Record<keyof Carried, string | Date | readonly string[] | null>> & {
  readonly record_id: RecordId;
  readonly change_record: RecordId | null;
  readonly end_record: RecordId | null;
  readonly token: string | null;
  readonly collections: number;
  readonly reminded: boolean;
};

const columns = `${carriedMembers.join(', ')}, change_record, end_record, token, collections, reminded`;
const written = [...carriedMembers, 'change_record', 'next_attempt'] as const;
const putStatement = `insert into incidents (${written.join(', ')})
  values (${written.map((_, index) => `$${index + 1}`).join(', ')})
  on conflict (id) do update set ${written.map((column) => `${column} = excluded.${column}`).join(', ')}`;

/** Serialises commands about the same people. */
export async function lockPeople(session: pg.PoolClient, people: readonly string[]): Promise<void> {
  for (const person of [...people].sort()) await takeNamedLock(session, person);
}

/** Whether the person is a holder of an unreviewed incident other than `but`. */
export async function hasUnreviewed(session: Session, person: string, but?: IncidentId): Promise<boolean> {
  const { rowCount } = await ask(
    session,
    `select from incidents where status in ('declared', 'granted', 'overdue') and (holder = $1 or second = $1)
        and ($2::text is null or id <> $2) limit 1`,
    [person, but ?? null],
  );
  return rowCount === 1;
}

export async function findIncident(session: Session, id: IncidentId): Promise<StoredIncident | undefined> {
  return (await found(session, 'id = $1', [id]))[0];
}

export const incidents: RecordedKind<IncidentId, IncidentState, StoredIncident> = {
  kind: 'incident',
  find: findIncident,
  async lock(session, id) {
    await ask(session, 'select id from incidents where id = $1 for update', [id]);
    return findIncident(session, id);
  },
  recordOf: ({ change }) => change,
  content: (state) => (state.uncarried === undefined ? carriedOf(state) : declaredContent(state, state.uncarried)),
  stateOf,
  async put(session, state, { record }) {
    const carried = carriedOf(state);
    const values = carriedMembers.map((column) => carried[column]);
    await ask(session, putStatement, [...values, record, new Date(firstLook(state))]);
  },
};

/** Newest first. */
export async function listIncidents(
  session: Session,
  filter: {
    readonly institution: string | undefined;
    readonly status: IncidentStatus | undefined;
    readonly limit: number;
  },
): Promise<readonly StoredIncident[]> {
  const { institution = null, status = null, limit } = filter;
  const where =
    '($1::text is null or institution = $1) and ($2::text is null or status = $2) order by id desc limit $3';
  return found(session, where, [institution, status, limit]);
}

export async function keepToken(session: pg.PoolClient, id: IncidentId, token: TokenId): Promise<void> {
  await ask(session, 'update incidents set token = $2, collections = collections + 1 where id = $1', [id, token]);
}

/** Due again at `next`. */
export async function putOff(session: Session, id: IncidentId, next: number, reminded: boolean): Promise<void> {
  const text = 'update incidents set next_attempt = $2, reminded = reminded or $3 where id = $1';
  await ask(session, text, [id, new Date(next), reminded]);
}

/** The one that has been due longest. */
export async function nextDue(session: Session, now: number): Promise<IncidentId | undefined> {
  const { rows } = await ask<{ id: IncidentId }>(
    session,
    `select id from incidents where status in ('declared', 'granted') and next_attempt <= $1 order by next_attempt limit 1`,
    [new Date(now)],
  );
  return rows[0]?.id;
}

async function found(session: Session, where: string, values: readonly unknown[]): Promise<readonly StoredIncident[]> {
  const { rows } = await ask<Row>(session, `select ${columns} from incidents where ${where}`, values);
  return rows.map(incidentOf);
}

function incidentOf({ change_record, end_record, token, collections, reminded, ...row }: Row): StoredIncident {
  const inText = (value: unknown) => (value instanceof Date ? toInstant(value.getTime()) : value);
  const members = Object.entries(row).map(([name, value]) => [name, inText(value)]);
  return {
    ...stateOf(Object.fromEntries(members)),
    ...(change_record === null && end_record !== null ? { uncarried: { endRecord: end_record } } : {}),
    change: change_record ?? row.record_id,
    token: parseId('token', token),
    collections,
    reminded,
  };
}
