import type { Clock, RecordId } from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';
import { ask } from './ask.ts';

/** A key or certificate that identifies a device. */
export interface StoredCredential {
  readonly device: string;
  readonly institution: string;
  readonly kind: 'certificate' | 'key';
  readonly thumbprint: string;
  /** Null for a certificate. */
  readonly jwk: { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string } | null;
  readonly enrolledAt: Date;
  readonly recordId: RecordId;
}

const columns = `device, institution, kind, thumbprint, jwk, enrolled_at as "enrolledAt", record_id as "recordId"`;

export function createCredentialStore(pool: pg.Pool, clock: Clock) {
  return {
    /** Overwrites a row that differs from the record. */
    async put(session: pg.PoolClient, credential: StoredCredential): Promise<void> {
      const { device, institution, kind, thumbprint, jwk, enrolledAt, recordId } = credential;
      await ask(session, {
        name: 'credential-put',
        text: `insert into credentials (device, institution, kind, thumbprint, jwk, enrolled_at, record_id)
               values ($1, $2, $3, $4, $5, $6, $7)
               on conflict (kind, thumbprint) where removed_at is null do update
                  set device = excluded.device, institution = excluded.institution, jwk = excluded.jwk,
                      enrolled_at = excluded.enrolled_at, record_id = excluded.record_id`,
        values: [device, institution, kind, thumbprint, jwk, enrolledAt, recordId],
      });
    },

    async find(
      session: pg.Pool | pg.PoolClient,
      kind: StoredCredential['kind'],
      thumbprint: string,
      lock: '' | 'for update' = '',
    ): Promise<StoredCredential | undefined> {
      const [row] = await ask<StoredCredential>(session, {
        name: `credential-find${lock === '' ? '' : '-locked'}`,
        text: `select ${columns} from credentials
                where kind = $1 and thumbprint = $2 and removed_at is null ${lock}`,
        values: [kind, thumbprint],
      });
      return row;
    },

    byCertificate(thumbprint: string): Promise<StoredCredential | undefined> {
      return this.find(pool, 'certificate', thumbprint);
    },

    /** Oldest first. */
    of(devices: readonly string[]): Promise<readonly StoredCredential[]> {
      return ask<StoredCredential>(pool, {
        name: 'credentials-of-devices',
        text: `select ${columns} from credentials where device = any($1) and removed_at is null order by id`,
        values: [devices],
      });
    },

    /** The same, with concurrent enrolment and removal for this device locked out. */
    async lock(session: pg.PoolClient, device: string): Promise<readonly StoredCredential[]> {
      await takeNamedLock(session, `credentials of ${device}`);
      return ask<StoredCredential>(session, {
        name: 'credentials-of-locked',
        text: `select ${columns} from credentials where device = $1 and removed_at is null order by id`,
        values: [device],
      });
    },

    async remove(session: pg.PoolClient, kind: StoredCredential['kind'], thumbprint: string): Promise<void> {
      await ask(session, {
        name: 'credential-remove',
        text: 'update credentials set removed_at = $3 where kind = $1 and thumbprint = $2 and removed_at is null',
        values: [kind, thumbprint, new Date(clock.now())],
      });
    },
  };
}

export type CredentialStore = ReturnType<typeof createCredentialStore>;
