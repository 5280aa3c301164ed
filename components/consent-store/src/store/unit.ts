import type { Mandate } from '@countersign/contracts';
import type { Digest, MandateId } from '@countersign/kernel';
import { notifyAfterCommit } from '@countersign/runtime';
import type pg from 'pg';
import { isOver } from '../life-cycle.ts';
import type { Seals } from '../stored-version.ts';
import { concernedBy } from '../terms.ts';
import { newestVersion, rowsOf, soundDocuments } from './documents.ts';

/** Notifies other nodes of a change; they read its content in the log. */
export const changesChannel = 'consent_store_changes';

export interface EarlierUse {
  readonly bodyDigest: string;
  readonly mandate: MandateId;
  readonly version: number;
}

/** A mandate that is due for a check, in its state at that time. */
export interface DueMandate {
  readonly id: MandateId;
  /** The last expiry notice for its present end, in days before the end. */
  readonly noticedDays: number | undefined;
}

export interface Unit {
  /** The use of a grantor's key in an earlier release. In newer releases the id of a mandate is derived from its key. */
  earlierProposal(grantor: string, key: string): Promise<EarlierUse | undefined>;
  /**
   * Claims the key of an amendment for this transaction, or returns its earlier use. A second request with the key waits here
   * until the first one commits or rolls back. `version` is the version that the amendment would create.
   */
  claimAmendment(claim: {
    readonly institution: string;
    readonly key: string;
    readonly bodyDigest: Digest;
    readonly mandate: MandateId;
    readonly version: number;
  }): Promise<'claimed' | EarlierUse>;
  /** Whether the row of this version stores its idempotency key. */
  hasAmendmentKey(id: MandateId, version: number): Promise<boolean>;
  /** Locks the mandate until the transaction ends. @returns whether it exists */
  hold(id: MandateId): Promise<boolean>;
  /** The newest version. If a recorded version was not stored because of an interruption, this stores it first. */
  complete(id: MandateId): Promise<Mandate | undefined>;
  lock(id: MandateId): Promise<Mandate | undefined>;
  /** The newest version, without storing anything. */
  head(id: MandateId): Promise<Mandate | undefined>;
  version(id: MandateId, version: number): Promise<Mandate | undefined>;
  /**
   * Writes a version and makes it the newest.
   * @param lookAt time of the next check, in milliseconds since the epoch; without it, there are no further checks
   */
  put(mandate: Mandate, lookAt: number | undefined): Promise<void>;
  /** Locks one mandate that is due for a check and that no other node is checking. */
  lockDue(at: number): Promise<DueMandate | undefined>;
  lookAgain(id: MandateId, lookAt: number | undefined, noticedDays: number | undefined): Promise<void>;
}

export function unitOn(client: pg.PoolClient, seals: Seals): Unit {
  async function hold(id: MandateId): Promise<boolean> {
    const { rowCount } = await client.query('select id from mandates where id = $1 for update', [id]);
    return rowCount === 1;
  }

  async function complete(id: MandateId): Promise<Mandate | undefined> {
    const { mandate, kept } = await newestVersion(client, seals, id);
    if (mandate !== undefined && kept < mandate.version)
      await put(client, mandate, isOver(mandate.status) ? undefined : 0);
    return mandate;
  }

  return {
    async earlierProposal(grantor, key) {
      const [earlier] = await rowsOf<EarlierUse>(
        client,
        `select body_digest as "bodyDigest", mandate_id as mandate, 1 as version
           from proposals where grantor_lei = $1 and idempotency_key = $2`,
        [grantor, key],
      );
      return earlier;
    },
    async claimAmendment({ institution, key, bodyDigest, mandate, version }) {
      const claimed = await client.query(
        `insert into amendments (institution_lei, idempotency_key, body_digest, mandate_id, version)
         values ($1, $2, $3, $4, $5) on conflict (institution_lei, idempotency_key) do nothing`,
        [institution, key, bodyDigest, mandate, version],
      );
      if (claimed.rowCount === 1) return 'claimed';
      const [earlier] = await rowsOf<EarlierUse>(
        client,
        `select body_digest as "bodyDigest", mandate_id as mandate, version
           from amendments where institution_lei = $1 and idempotency_key = $2`,
        [institution, key],
      );
      if (earlier === undefined) throw new Error('a used idempotency key does not exist');
      return earlier;
    },
    async hasAmendmentKey(id, version) {
      const kept = await client.query('select 1 from amendments where mandate_id = $1 and version = $2', [id, version]);
      return kept.rowCount !== 0;
    },
    hold,
    complete,
    async lock(id) {
      // Lock first, read afterwards: one query that waits for the lock would still return the version from before the wait.
      await hold(id);
      return complete(id);
    },
    async head(id) {
      return (await newestVersion(client, seals, id)).mandate;
    },
    async version(id, version) {
      return (
        await soundDocuments(
          client,
          seals,
          'select id, version, document from mandate_versions where id = $1 and version = $2',
          [id, version],
        )
      )[0];
    },
    put: (mandate, lookAt) => put(client, mandate, lookAt),
    async lockDue(at) {
      const [due] = await rowsOf<{ id: MandateId; noticedDays: number | null }>(
        client,
        `select id, noticed_days as "noticedDays" from mandates
          where look_at <= $1 order by look_at limit 1 for update skip locked`,
        [new Date(at)],
      );
      return due === undefined ? undefined : { id: due.id, noticedDays: due.noticedDays ?? undefined };
    },
    async lookAgain(id, lookAt, noticedDays) {
      await client.query('update mandates set look_at = $2, noticed_days = $3 where id = $1', [
        id,
        timeOf(lookAt),
        noticedDays ?? null,
      ]);
    },
  };
}

async function put(client: pg.PoolClient, mandate: Mandate, lookAt: number | undefined): Promise<void> {
  const { id, version, status, kind, effectiveUntil, grantor, grantee, parent } = mandate;
  await client.query(
    `insert into mandate_versions (id, version, document, digest, record_id, recorded_at) values ($1, $2, $3, $4, $5, $6)`,
    [id, version, JSON.stringify(mandate), mandate.digest, mandate.recordId, mandate.recordedAt],
  );
  await client.query(
    `insert into mandates (id, version, grantor_lei, grantee_lei, parent_id, status, kind, effective_until, look_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (id) do update set
       version = excluded.version, status = excluded.status,
       grantor_lei = excluded.grantor_lei, grantee_lei = excluded.grantee_lei,
       -- An end that was moved is noticed anew; one that stays is not.
       noticed_days = case when mandates.effective_until = excluded.effective_until then mandates.noticed_days end,
       effective_until = excluded.effective_until,
       -- A notice that has fallen due and was not given yet is still to be given.
       look_at = case when excluded.look_at is not null and mandates.effective_until = excluded.effective_until
                      then least(mandates.look_at, excluded.look_at) else excluded.look_at end`,
    [id, version, grantor.lei, grantee.lei, parent?.id ?? null, status, kind, effectiveUntil, timeOf(lookAt)],
  );
  const concerned = [...concernedBy(mandate)];
  await client.query('delete from mandate_parties where mandate_id = $1 and lei <> all ($2)', [id, concerned]);
  await client.query(
    `insert into mandate_parties (lei, mandate_id, status, kind, effective_until)
     select lei, $2, $3, $4, $5 from unnest($1::text[]) as each (lei)
     on conflict (lei, mandate_id) do update set status = excluded.status, effective_until = excluded.effective_until`,
    [concerned, id, status, kind, effectiveUntil],
  );
  if (parent !== undefined)
    await client.query(
      `insert into mandate_lines (ancestor_id, grantee_lei, mandate_id)
       with recursive above (id, parent_id) as (
         select id, parent_id from mandates where id = $1
         union
         select m.id, m.parent_id
           from above cross join lateral (select id, parent_id from mandates where id = above.parent_id limit 1) m)
       select id, $2, $3 from above
       on conflict do nothing`,
      [parent.id, grantee.lei, id],
    );
  notifyAfterCommit(client, changesChannel);
}

function timeOf(time: number | undefined): Date | null {
  return time === undefined ? null : new Date(time);
}
