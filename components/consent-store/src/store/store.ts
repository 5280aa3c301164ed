import { type Mandate, type MandateListing, mandateStatuses } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Seals, StoredVersion } from '../stored-version.ts';
import { documents, newestVersion, rowsOf } from './documents.ts';
import { type Unit, unitOn } from './unit.ts';

interface VersionPlace {
  readonly id: string;
  readonly version: number;
}

/** The newest version of a mandate and one other version: enough to compare a copy. */
export interface ComparableVersion {
  readonly id: string;
  readonly version: number;
  readonly digest: Mandate['digest'];
  readonly status: Mandate['status'];
  readonly digestThen: string | undefined;
}

export function createStore(pool: pg.Pool, seals: Seals) {
  return {
    inUnit<Result>(work: (unit: Unit) => Promise<Result>): Promise<Result> {
      return transaction(pool, (client) => work(unitOn(client, seals)));
    },

    async head(id: MandateId): Promise<Mandate | undefined> {
      return (await newestVersion(pool, seals, id)).mandate;
    },

    /** Oldest first. */
    history(id: MandateId): Promise<readonly Mandate[]> {
      return documents(pool, 'select document from mandate_versions where id = $1 order by version', [id]);
    },

    /**
     * Every version of these mandates and of their ancestors, oldest first. The chain starts at the newest version in the log,
     * and each version names the digest of the previous one. If a version is missing, none of that mandate is returned.
     */
    async historiesWithAncestors(ids: readonly MandateId[]): Promise<readonly Mandate[]> {
      const rows = await rowsOf<StoredVersion>(
        pool,
        `with recursive line (id) as (
           select unnest($1::text[])
           union
           select m.parent_id
             from line cross join lateral (select parent_id from mandates where id = line.id limit 1) m
            where m.parent_id is not null)
         select line.id, v.version, v.document
           from line
           cross join lateral (select document, version from mandate_versions where id = line.id order by version offset 0) v
          order by line.id, v.version`,
        [ids],
      );
      const heads = new Map(rows.map((row) => [row.id, row]));
      const newest = await seals.newest([...new Set([...ids, ...heads.keys()])], [...heads.values()]);
      const sound = new Map((await seals.sound(rows)).map((each) => [each.digest, each]));
      return newest.flatMap((mandate) => historyOf(mandate, sound));
    },

    /** Sorted by id, starting after the mandate `after`. */
    list(
      { institution, status, kind, endingBefore, after }: MandateListing,
      limit: number,
    ): Promise<readonly Mandate[]> {
      const values: unknown[] = [institution, after ?? '', limit];
      const place = (value: unknown) => `$${values.push(value)}`;
      const conditions = [
        ...(kind === undefined ? [] : [`kind = ${place(kind)}`]),
        ...(status === undefined && endingBefore === undefined
          ? []
          : [status === undefined ? `status = any (${place(mandateStatuses)})` : `status = ${place(status)}`]),
        // Few mandates end soon: find these by their end and sort them. Read all other queries in order of the index.
        ...(endingBefore === undefined ? [] : [`effective_until < ${place(new Date(endingBefore))}`]),
      ];
      const barrier = endingBefore === undefined ? '' : 'offset 0';
      return documents(
        pool,
        `select v.document
           from (select mandate_id
                   from (select mandate_id from mandate_parties
                          where ${['lei = $1', 'mandate_id > $2', ...conditions].join(' and ')} ${barrier}) p
                  order by mandate_id limit $3) p
           cross join lateral (select version from mandates where id = p.mandate_id limit 1) m
           cross join lateral (
             select document from mandate_versions where id = p.mandate_id and version = m.version limit 1) v
          order by p.mandate_id`,
        values,
      );
    },

    /** The mandate and all its direct and indirect sub-mandates; empty if there is no such mandate. */
    async withDescendants(id: MandateId): Promise<readonly MandateId[]> {
      const rows = await rowsOf<{ id: MandateId }>(
        pool,
        `select id from mandates where id = $1
         union all select distinct mandate_id from mandate_lines where ancestor_id = $1 order by id`,
        [id],
      );
      return rows.map((row) => row.id);
    },

    /** The direct and indirect sub-mandates that this institution holds or held. */
    async everHeldBelow(id: MandateId, grantee: Lei, limit: number): Promise<readonly MandateId[]> {
      const rows = await rowsOf<{ id: MandateId }>(
        pool,
        `select mandate_id as id from mandate_lines where ancestor_id = $1 and grantee_lei = $2 order by mandate_id limit $3`,
        [id, grantee, limit],
      );
      return rows.map((row) => row.id);
    },

    /** The mandates among these that concern the institution, each with the version at the same position. */
    async comparable(institution: Lei, places: readonly VersionPlace[]): Promise<readonly ComparableVersion[]> {
      const rows = await rowsOf<Omit<ComparableVersion, 'digestThen'> & { digestThen: string | null }>(
        pool,
        `select m.id, m.version, v.digest, m.status, v_then.digest as "digestThen"
           from unnest($2::text[], $3::integer[]) as asked (id, version)
           join mandate_parties p on p.lei = $1 and p.mandate_id = asked.id
           join mandates m on m.id = asked.id
           join mandate_versions v on v.id = m.id and v.version = m.version
           left join mandate_versions v_then on v_then.id = asked.id and v_then.version = asked.version`,
        [institution, places.map(({ id }) => id), places.map(({ version }) => version)],
      );
      return rows.map((row) => ({ ...row, digestThen: row.digestThen ?? undefined }));
    },

    /** Mandates to which the institution is a party, that have not ended and are not among these. */
    async missingAmong(
      institution: Lei,
      known: readonly string[],
      limit: number,
    ): Promise<readonly ComparableVersion[]> {
      const rows = await rowsOf<Omit<ComparableVersion, 'digestThen'>>(
        pool,
        `select m.id, m.version, v.digest, m.status
           from mandate_parties p
           join mandates m on m.id = p.mandate_id
           join mandate_versions v on v.id = m.id and v.version = m.version
          where p.lei = $1 and p.status in ('proposed', 'active', 'suspended')
            and not exists (select from unnest($2::text[]) as held (id) where held.id = p.mandate_id)
          order by p.mandate_id limit $3`,
        [institution, known, limit],
      );
      return rows.map((row) => ({ ...row, digestThen: undefined }));
    },
  };
}
export type Store = ReturnType<typeof createStore>;

/** Oldest first. */
function historyOf(newest: Mandate, byDigest: ReadonlyMap<string, Mandate>): readonly Mandate[] {
  const history = [newest];
  for (let last = newest; last.version > 1; ) {
    const before = last.previousDigest === undefined ? undefined : byDigest.get(last.previousDigest);
    if (before === undefined || before.id !== newest.id || before.version !== last.version - 1) return [];
    history.unshift(before);
    last = before;
  }
  return history;
}
