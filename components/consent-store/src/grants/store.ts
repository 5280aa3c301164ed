import type { Grant, GrantsOf } from '@countersign/contracts';
import { defined, type GrantId } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

interface PageOf {
  readonly client?: string;
  readonly subject?: string;
  readonly institution?: string;
  readonly status?: Grant['status'];
  /** Milliseconds since the epoch. */
  readonly endingAfter?: number;
  readonly after?: GrantId;
}

/** The highest stored version: versions cannot be removed, but the row beside them can be replaced or removed. */
const documentOf = (ids: string) => `select v.document from ${ids} cross join lateral (
  select document from grant_versions where id = g.id order by version desc limit 1) v`;
const documentOfOne = documentOf('(select $1::text as id) g');

export async function headOf(on: pg.Pool | pg.PoolClient, id: GrantId): Promise<Grant | undefined> {
  return (await documents(on, documentOfOne, [id], 'grant-head'))[0];
}

/** The newest version, locked until the transaction ends. */
export async function lockHead(session: pg.PoolClient, id: GrantId): Promise<Grant | undefined> {
  // // Two statements: a lock that had to wait would otherwise be joined with the version from before the wait.
  await session.query('select id from grants where id = $1 for update', [id]);
  return headOf(session, id);
}

/** Oldest first. Each status has its own index, so that ended grants do not slow the active ones. */
export async function pageOf(
  pool: pg.Pool,
  { client, subject, institution, status, endingAfter, after }: PageOf,
  limit: number,
): Promise<readonly Grant[]> {
  const values: unknown[] = [after ?? '', limit];
  const filters = Object.entries({ client, subject, institution })
    .filter(([, value]) => value !== undefined)
    .map(([column, value]) => ` and ${column} = $${values.push(value)}`)
    .join('');
  const standing =
    endingAfter === undefined ? '' : ` and expires_at > to_timestamp($${values.push(endingAfter)}::float8 / 1000)`;
  const statuses = status === undefined ? ['active', 'revoked'] : [status];
  const slices = statuses.map(
    (each) =>
      `(select id from grants where status = $${values.push(each)} and id > $1${filters}${standing} order by id limit $2)`,
  );
  return documents(
    pool,
    `${documentOf(`(select id from (${slices.join(' union all ')}) as slices order by id limit $2) g`)} order by g.id`,
    values,
  );
}

/** Active grants that end after this time (milliseconds since the epoch), the first to end first, without the named ones. */
export async function standingOf(
  pool: pg.Pool,
  of: GrantsOf,
  {
    endingAfter,
    but,
    limit,
  }: { readonly endingAfter: number; readonly but: readonly GrantId[]; readonly limit: number },
): Promise<readonly GrantId[]> {
  const [[column, value] = []] = Object.entries(standingColumn(of));
  try {
    const { rows } = await pool.query<{ id: GrantId }>(
      `select id from grants
        where ${column} = $1 and status = 'active' and expires_at > to_timestamp($2::float8 / 1000) and id <> all ($4::text[])
        order by expires_at, id limit $3`,
      [value, endingAfter, limit, but],
    );
    return rows.map(({ id }) => id);
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** Writes a version and makes it the newest. @param at milliseconds since the epoch */
export async function putVersion(session: pg.PoolClient, grant: Grant, at: number): Promise<void> {
  await session.query(
    `with placed as (
       insert into grant_versions (id, version, document, record_id, recorded_at)
       select $1, greatest($2, coalesce(max(version), 0) + 1), $3, $4, to_timestamp($5::float8 / 1000)
         from grant_versions where id = $1 returning id, version, document)
     ${makeNewest}`,
    [grant.id, grant.version, JSON.stringify(grant), grant.recordId, at],
  );
}

/** As {@link putVersion}, for a grant that has ended: it keeps the terms of the version before. */
export async function putEnded(
  session: pg.PoolClient,
  { id, version, status, recordId }: Grant,
  at: number,
): Promise<void> {
  await session.query(
    `with placed as (
       insert into grant_versions (id, version, document, record_id, recorded_at)
       select id, greatest($2, version + 1), document || $3::jsonb, $4, to_timestamp($5::float8 / 1000)
         from grant_versions where id = $1 order by version desc limit 1 returning id, version, document)
     ${makeNewest}`,
    [id, version, JSON.stringify({ version, status, recordId }), recordId, at],
  );
}

const makeNewest = `insert into grants (id, version, status, client, subject, institution, expires_at)
  select id, version, document ->> 'status', document ->> 'client', document ->> 'subject', document ->> 'institution',
         (document ->> 'expiresAt')::timestamptz
    from placed
  on conflict (id) do update set version = excluded.version, status = excluded.status, expires_at = excluded.expires_at`;

/** Becomes part of a query, so it is one of these names and never text from a caller. */
function standingColumn(of: GrantsOf) {
  if ('client' in of) return { client: of.client };
  return 'subject' in of ? { subject: of.subject } : { institution: of.institution };
}

/** As stored; the log says which of them count. */
async function documents(
  on: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[],
  name?: string,
): Promise<Grant[]> {
  try {
    const { rows } = await on.query<{ document: Grant }>({ text, values: [...values], ...defined({ name }) });
    return rows.map((row) => row.document);
  } catch (error) {
    throw databaseFailure(error);
  }
}
