import type { Actor } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';
import type pg from 'pg';
import { ask } from './ask.ts';

/** A link by which a browser enrols as a device. */
export interface StoredEnrolment {
  readonly device: string;
  readonly institution: string;
  readonly openedBy: Actor;
  readonly recordId: RecordId;
  readonly expiresAt: Date;
}

const columns = `device, institution, opened_by as "openedBy", record_id as "recordId", expires_at as "expiresAt"`;

export function createEnrolmentStore(pool: pg.Pool) {
  return {
    /** In place of an earlier one of the device. */
    async put(codeHash: Buffer, enrolment: StoredEnrolment): Promise<void> {
      const { device, institution, openedBy, recordId, expiresAt } = enrolment;
      await ask(pool, {
        name: 'enrolment-put',
        text: `insert into enrolments (code_hash, device, institution, opened_by, record_id, expires_at)
               values ($1, $2, $3, $4, $5, $6)
               on conflict (device) do update
                  set code_hash = excluded.code_hash, institution = excluded.institution,
                      opened_by = excluded.opened_by, record_id = excluded.record_id, expires_at = excluded.expires_at`,
        values: [codeHash, device, institution, JSON.stringify(openedBy), recordId, expiresAt],
      });
    },

    async find(codeHash: Buffer, now: Date): Promise<StoredEnrolment | undefined> {
      const [row] = await ask<StoredEnrolment>(pool, {
        name: 'enrolment-find',
        text: `select ${columns} from enrolments where code_hash = $1 and expires_at > $2`,
        values: [codeHash, now],
      });
      return row;
    },

    /** Uses it up: of any number at once, one gets it. */
    async take(session: pg.PoolClient, codeHash: Buffer, now: Date): Promise<StoredEnrolment | undefined> {
      const [row] = await ask<StoredEnrolment>(session, {
        name: 'enrolment-take',
        text: `delete from enrolments where code_hash = $1 and expires_at > $2 returning ${columns}`,
        values: [codeHash, now],
      });
      return row;
    },

    /** @returns those that were open */
    async remove(session: pg.PoolClient | pg.Pool, devices: readonly string[], now: Date): Promise<number> {
      const rows = await ask<{ open: boolean }>(session, {
        name: 'enrolment-remove',
        text: 'delete from enrolments where device = any($1) returning expires_at > $2 as open',
        values: [devices, now],
      });
      return rows.filter(({ open }) => open).length;
    },

    async open(devices: readonly string[], now: Date): Promise<readonly string[]> {
      const rows = await ask<{ device: string }>(pool, {
        name: 'enrolment-open',
        text: 'select device from enrolments where device = any($1) and expires_at > $2 order by device',
        values: [devices, now],
      });
      return rows.map(({ device }) => device);
    },

    async deleteExpired(now: Date, limit: number): Promise<number> {
      const rows = await ask(pool, {
        name: 'enrolment-sweep',
        text: `delete from enrolments where code_hash in (
                 select code_hash from enrolments where expires_at < $1 limit $2) returning 1`,
        values: [now, limit],
      });
      return rows.length;
    },
  };
}

export type EnrolmentStore = ReturnType<typeof createEnrolmentStore>;
