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

/** With the hash of its code, base64url. */
export interface OpenEnrolment extends StoredEnrolment {
  readonly codeHash: string;
}

type Row = StoredEnrolment & { readonly code: Buffer };

const columns = `code_hash as code, device, institution, opened_by as "openedBy", record_id as "recordId",
                 expires_at as "expiresAt"`;

export function createEnrolmentStore(pool: pg.Pool) {
  type Session = pg.Pool | pg.PoolClient;
  async function read(session: Session, name: string, where: string, values: unknown[]) {
    const rows = await ask<Row>(session, { name, text: `select ${columns} from enrolments where ${where}`, values });
    return rows.map(({ code, ...link }): OpenEnrolment => ({ ...link, codeHash: code.toString('base64url') }))[0];
  }

  return {
    /** Replaces an earlier link of the device. */
    async put(session: pg.PoolClient, enrolment: OpenEnrolment): Promise<void> {
      const { codeHash, device, institution, openedBy, recordId, expiresAt } = enrolment;
      await ask(session, {
        name: 'enrolment-put',
        text: `insert into enrolments (code_hash, device, institution, opened_by, record_id, expires_at)
               values ($1, $2, $3, $4, $5, $6)
               on conflict (device) do update
                  set code_hash = excluded.code_hash, institution = excluded.institution,
                      opened_by = excluded.opened_by, record_id = excluded.record_id, expires_at = excluded.expires_at`,
        values: [
          Buffer.from(codeHash, 'base64url'),
          device,
          institution,
          JSON.stringify(openedBy),
          recordId,
          expiresAt,
        ],
      });
    },

    find: (codeHash: Buffer, now: Date) =>
      read(pool, 'enrolment-find', 'code_hash = $1 and expires_at > $2', [codeHash, now]),
    lock: (session: pg.PoolClient, codeHash: Buffer, now: Date) =>
      read(session, 'enrolment-lock', 'code_hash = $1 and expires_at > $2 for update', [codeHash, now]),
    ofDevice: (session: Session, device: string, lock: '' | 'for update' = '') =>
      read(session, `enrolment-of-device${lock === '' ? '' : '-locked'}`, `device = $1 ${lock}`, [device]),

    /** Uses up the link that this record opened. */
    async use(session: pg.PoolClient, device: string, opened: RecordId): Promise<void> {
      await ask(session, {
        name: 'enrolment-use',
        text: 'delete from enrolments where device = $1 and record_id = $2',
        values: [device, opened],
      });
    },

    async remove(session: pg.PoolClient, device: string): Promise<void> {
      await ask(session, {
        name: 'enrolment-remove',
        text: 'delete from enrolments where device = $1',
        values: [device],
      });
    },

    async open(
      devices: readonly string[],
      now: Date,
    ): Promise<readonly Pick<StoredEnrolment, 'device' | 'recordId'>[]> {
      return ask<Pick<StoredEnrolment, 'device' | 'recordId'>>(pool, {
        name: 'enrolment-open',
        text: `select device, record_id as "recordId" from enrolments
                where device = any($1) and expires_at > $2 order by device`,
        values: [devices, now],
      });
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
