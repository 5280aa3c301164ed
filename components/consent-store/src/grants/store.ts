import type { Grant, GrantsOf } from '@countersign/contracts';
import type { GrantId } from '@countersign/kernel';
import { databaseFailure, transaction } from '@countersign/runtime';
import type pg from 'pg';

export interface PageOf {
  readonly client?: string;
  readonly subject?: string;
  readonly institution?: string;
  readonly status?: Grant['status'];
  /** Milliseconds since the epoch. */
  readonly endingAfter?: number;
  readonly after?: GrantId;
}

/** What happens under one transaction's locks. */
export interface GrantUnit {
  /** The newest version, locked until the transaction ends. */
  lock(id: GrantId): Promise<Grant | undefined>;
  /** Active grants that end after this time, in milliseconds since the epoch: the first ones to end, locked. */
  lockStanding(of: GrantsOf, endingAfter: number, limit: number): Promise<readonly Grant[]>;
  /** Writes versions and makes each the newest of its grant. @param at milliseconds since the epoch */
  put(grants: readonly Grant[], at: number): Promise<void>;
}

/** The highest version that is kept: versions cannot be removed, the row beside them can be put back or taken away. */
const documentOf = (ids: string) => `select v.document from ${ids} cross join lateral (
  select document from grant_versions where id = g.id order by version desc limit 1) v`;
const documentOfOne = documentOf('(select $1::text as id) g');

export function createGrantStore(pool: pg.Pool) {
  return {
    /** Runs `work` in one transaction; see `transaction` of the runtime. */
    inUnit<Result>(work: (unit: GrantUnit) => Promise<Result>): Promise<Result> {
      return transaction(pool, (client) => work(unitOn(client)));
    },

    async head(id: GrantId): Promise<Grant | undefined> {
      return (await documents(pool, documentOfOne, [id], 'grant-head'))[0];
    },

    /** Oldest first. Each status is read by an index of its own, so what has ended does not slow what stands. */
    async page(
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
    },
  };
}

function unitOn(client: pg.PoolClient): GrantUnit {
  return {
    async lock(id) {
      // Two statements: a lock that had to wait would otherwise be joined with the version from before the wait.
      await client.query('select id from grants where id = $1 for update', [id]);
      return (await documents(client, documentOfOne, [id]))[0];
    },
    async lockStanding(of, endingAfter, limit) {
      const [[column, value] = []] = Object.entries(standingColumn(of));
      const { rows } = await client.query<{ id: string }>(
        `select id from grants
          where ${column} = $1 and status = 'active' and expires_at > to_timestamp($2::float8 / 1000)
          order by expires_at, id limit $3 for update`,
        [value, endingAfter, limit],
      );
      return documents(client, documentOf('unnest($1::text[]) as g (id)'), [rows.map(({ id }) => id)]);
    },
    async put(grants, at) {
      await client.query(
        `insert into grant_versions (id, version, document, record_id, recorded_at)
         select d ->> 'id', (d ->> 'version')::integer, d, d ->> 'recordId', to_timestamp($2::float8 / 1000)
           from jsonb_array_elements($1::jsonb) as d`,
        [JSON.stringify(grants), at],
      );
      await client.query(
        `insert into grants (id, version, status, client, subject, institution, expires_at)
         select d ->> 'id', (d ->> 'version')::integer, d ->> 'status', d ->> 'client', d ->> 'subject', d ->> 'institution',
                (d ->> 'expiresAt')::timestamptz
           from jsonb_array_elements($1::jsonb) as d
         on conflict (id) do update set version = excluded.version, status = excluded.status, expires_at = excluded.expires_at`,
        [JSON.stringify(grants)],
      );
    },
  };
}

/** The name goes into the text of a query, so it is one of these and never a caller's. */
function standingColumn(of: GrantsOf) {
  if ('client' in of) return { client: of.client };
  return 'subject' in of ? { subject: of.subject } : { institution: of.institution };
}

/** Documents as they are kept: what counts is asked of the log. */
async function documents(
  on: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[],
  name?: string,
): Promise<Grant[]> {
  try {
    const { rows } = await on.query<{ document: Grant }>({
      text,
      values: [...values],
      ...(name === undefined ? {} : { name }),
    });
    return rows.map((row) => row.document);
  } catch (error) {
    throw databaseFailure(error);
  }
}
