import type { Grant } from '@countersign/contracts';
import type { GrantId } from '@countersign/kernel';
import { databaseFailure, transaction } from '@countersign/runtime';
import type pg from 'pg';

/** Whose grants. */
export type StandingOf = { readonly client: string } | { readonly subject: string } | { readonly institution: string };

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
  lockStanding(of: StandingOf, endingAfter: number, limit: number): Promise<readonly Grant[]>;
  /** Writes versions and makes each the newest of its grant. @param at milliseconds since the epoch */
  put(grants: readonly Grant[], at: number): Promise<void>;
}

const documentOfHead = 'select v.document from grants g join grant_versions v on v.id = g.id and v.version = g.version';

export function createGrantStore(pool: pg.Pool) {
  return {
    /** Runs `work` in one transaction; see `transaction` of the runtime. */
    inUnit<Result>(work: (unit: GrantUnit) => Promise<Result>): Promise<Result> {
      return transaction(pool, (client) => work(unitOn(client)));
    },

    async head(id: GrantId): Promise<Grant | undefined> {
      return (await documents(pool, `${documentOfHead} where g.id = $1`, [id], 'grant-head'))[0];
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
          `(select id, version from grants where status = $${values.push(each)} and id > $1${filters}${standing} order by id limit $2)`,
      );
      return documents(
        pool,
        `select v.document from (select id, version from (${slices.join(' union all ')}) as slices order by id limit $2) as page
           join grant_versions v on v.id = page.id and v.version = page.version order by v.id`,
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
      return (await documents(client, `${documentOfHead} where g.id = $1`, [id]))[0];
    },
    async lockStanding(of, endingAfter, limit) {
      const [[column, value] = []] = Object.entries(standingColumn(of));
      const { rows } = await client.query<{ id: string }>(
        `select id from grants
          where ${column} = $1 and status = 'active' and expires_at > to_timestamp($2::float8 / 1000)
          order by expires_at, id limit $3 for update`,
        [value, endingAfter, limit],
      );
      return documents(client, `${documentOfHead} where g.id = any($1)`, [rows.map(({ id }) => id)]);
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
function standingColumn(of: StandingOf) {
  if ('client' in of) return { client: of.client };
  return 'subject' in of ? { subject: of.subject } : { institution: of.institution };
}

/** Documents are written by this component alone and never changed, so they are taken at their word. */
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
