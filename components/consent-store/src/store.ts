import type { Mandate } from '@countersign/contracts';
import type { Digest, MandateId } from '@countersign/kernel';
import { databaseFailure, transaction } from '@countersign/runtime';
import type pg from 'pg';

/** Other nodes hear on this channel that something changed; what, they read. */
export const changesChannel = 'consent_store_changes';

export interface Changes {
  readonly mandates: readonly Mandate[];
  /** The newest place that `mandates` reaches up to. */
  readonly newest: bigint;
}

/** What happens under one transaction's locks. */
export interface Unit {
  /**
   * Takes a proposal's key for this transaction, or says what it was used for before. A second request with the
   * key waits here until the first has committed or is gone.
   */
  claimProposal(claim: {
    readonly grantor: string;
    readonly key: string;
    readonly bodyDigest: Digest;
    readonly mandate: MandateId;
  }): Promise<'claimed' | { readonly bodyDigest: string; readonly mandate: MandateId }>;
  /** The newest version, locked until the transaction ends. */
  lock(id: MandateId): Promise<Mandate | undefined>;
  /** The newest version, read only. */
  head(id: MandateId): Promise<Mandate | undefined>;
  version(id: MandateId, version: number): Promise<Mandate | undefined>;
  /** Writes a version and makes it the newest. */
  put(mandate: Mandate): Promise<void>;
}

const headColumns = `v.document from mandates m join mandate_versions v on v.id = m.id and v.version = m.version`;

export function createStore(pool: pg.Pool) {
  return {
    /** Runs `work` in one transaction; see `transaction` of the runtime. */
    inUnit<Result>(work: (unit: Unit) => Promise<Result>): Promise<Result> {
      return transaction(pool, (client) => work(unitOn(client)));
    },

    async head(id: MandateId): Promise<Mandate | undefined> {
      return (await documents(pool, `select ${headColumns} where m.id = $1`, [id]))[0];
    },

    /** Oldest first. */
    history(id: MandateId): Promise<readonly Mandate[]> {
      return documents(pool, 'select document from mandate_versions where id = $1 order by version', [id]);
    },

    /** Oldest first, beginning after the mandate `after`. */
    ofInstitution(lei: string, after: MandateId | undefined, limit: number): Promise<readonly Mandate[]> {
      return documents(
        pool,
        `select ${headColumns} where (m.grantor_lei = $1 or m.grantee_lei = $1) and m.id > $2 order by m.id limit $3`,
        [lei, after ?? '', limit],
      );
    },

    /** The mandate and everything cut from it, however far down; nothing where there is no such mandate. */
    async withDescendants(id: MandateId): Promise<readonly MandateId[]> {
      try {
        const { rows } = await pool.query<{ id: MandateId }>({
          name: 'mandate-descendants',
          text: `with recursive line as (
                   select id from mandates where id = $1
                   union select m.id from line join mandates m on m.parent_id = line.id)
                 select id from line order by id`,
          values: [id],
        });
        return rows.map((row) => row.id);
      } catch (error) {
        throw databaseFailure(error);
      }
    },

    /** Everything that was committed after `known`, in no particular order. */
    async changesAfter(known: bigint): Promise<Changes> {
      try {
        const { rows } = await pool.query<{ document: Mandate; change: string }>({
          name: 'mandate-changes',
          text: `select v.document, m.change::text as change
                   from mandates m join mandate_versions v on v.id = m.id and v.version = m.version
                  where m.change > $1`,
          values: [known.toString()],
        });
        const newest = rows.reduce((most, { change }) => (BigInt(change) > most ? BigInt(change) : most), known);
        return { mandates: rows.map((row) => row.document), newest };
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
}
export type Store = ReturnType<typeof createStore>;

function unitOn(client: pg.PoolClient): Unit {
  return {
    async claimProposal({ grantor, key, bodyDigest, mandate }) {
      const claimed = await client.query(
        `insert into proposals (grantor_lei, idempotency_key, body_digest, mandate_id) values ($1, $2, $3, $4)
         on conflict (grantor_lei, idempotency_key) do nothing`,
        [grantor, key, bodyDigest, mandate],
      );
      if (claimed.rowCount === 1) return 'claimed';
      const { rows } = await client.query<{ bodyDigest: string; mandate: MandateId }>(
        `select body_digest as "bodyDigest", mandate_id as mandate from proposals where grantor_lei = $1 and idempotency_key = $2`,
        [grantor, key],
      );
      const [earlier] = rows;
      if (earlier === undefined) throw new Error('a proposal key was taken and cannot be found');
      return earlier;
    },
    async lock(id) {
      // Two statements: a lock that had to wait would otherwise be joined with the version from before the wait.
      await client.query('select id from mandates where id = $1 for update', [id]);
      return (await documents(client, `select ${headColumns} where m.id = $1`, [id]))[0];
    },
    async head(id) {
      return (await documents(client, `select ${headColumns} where m.id = $1`, [id]))[0];
    },
    async version(id, version) {
      return (
        await documents(client, 'select document from mandate_versions where id = $1 and version = $2', [id, version])
      )[0];
    },
    async put(mandate) {
      await client.query(
        `insert into mandate_versions (id, version, document, digest, record_id, recorded_at) values ($1, $2, $3, $4, $5, $6)`,
        [mandate.id, mandate.version, JSON.stringify(mandate), mandate.digest, mandate.recordId, mandate.recordedAt],
      );
      // The counter's row is held until the commit, so places are handed out in the order of commits.
      await client.query(
        `with place as (update changes set newest = newest + 1 returning newest)
         insert into mandates (id, version, grantor_lei, grantee_lei, parent_id, change)
         select $1, $2, $3, $4, $5, newest from place
         on conflict (id) do update set version = excluded.version, change = excluded.change`,
        [mandate.id, mandate.version, mandate.grantor.lei, mandate.grantee.lei, mandate.parent?.id ?? null],
      );
      await client.query('select pg_notify($1, $2)', [changesChannel, mandate.id]);
    },
  };
}

/** Documents are written by this component alone and never changed, so they are taken at their word. */
async function documents(on: pg.Pool | pg.PoolClient, text: string, values: readonly unknown[]): Promise<Mandate[]> {
  try {
    const { rows } = await on.query<{ document: Mandate }>(text, [...values]);
    return rows.map((row) => row.document);
  } catch (error) {
    throw databaseFailure(error);
  }
}
