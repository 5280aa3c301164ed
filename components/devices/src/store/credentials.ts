import type { RecordId } from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';
import { ask } from './ask.ts';

/** By what a device shows that it is that device. */
export interface StoredCredential {
  readonly device: string;
  readonly institution: string;
  readonly kind: 'certificate' | 'key';
  readonly thumbprint: string;
  /** Of a key. */
  readonly jwk: { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string } | null;
  readonly enrolledAt: Date;
  readonly recordId: RecordId;
}

const columns = `device, institution, kind, thumbprint, jwk, enrolled_at as "enrolledAt", record_id as "recordId"`;

export function createCredentialStore(pool: pg.Pool) {
  return {
    /** @returns false where it shows a device already */
    async insert(session: pg.PoolClient, credential: StoredCredential): Promise<boolean> {
      const { device, institution, kind, thumbprint, jwk, enrolledAt, recordId } = credential;
      const rows = await ask(session, {
        name: 'credential-insert',
        text: `insert into credentials (device, institution, kind, thumbprint, jwk, enrolled_at, record_id)
               values ($1, $2, $3, $4, $5, $6, $7)
               on conflict (kind, thumbprint) where removed_at is null do nothing returning id`,
        values: [device, institution, kind, thumbprint, jwk, enrolledAt, recordId],
      });
      return rows.length === 1;
    },

    async byCertificate(thumbprint: string): Promise<StoredCredential | undefined> {
      const [row] = await ask<StoredCredential>(pool, {
        name: 'credential-by-certificate',
        text: `select ${columns} from credentials
                where kind = 'certificate' and thumbprint = $1 and removed_at is null`,
        values: [thumbprint],
      });
      return row;
    },

    /** Those in use, oldest first. */
    of(devices: readonly string[]): Promise<readonly StoredCredential[]> {
      return ask<StoredCredential>(pool, {
        name: 'credentials-of-devices',
        text: `select ${columns} from credentials where device = any($1) and removed_at is null order by id`,
        values: [devices],
      });
    },

    /** The same while nobody else enrols or removes for this device. */
    async lock(session: pg.PoolClient, device: string): Promise<readonly StoredCredential[]> {
      await takeNamedLock(session, `credentials of ${device}`);
      return ask<StoredCredential>(session, {
        name: 'credentials-of-locked',
        text: `select ${columns} from credentials where device = $1 and removed_at is null order by id`,
        values: [device],
      });
    },

    async remove(session: pg.PoolClient, device: string, thumbprints: readonly string[], at: Date): Promise<void> {
      await ask(session, {
        name: 'credentials-remove',
        text: `update credentials set removed_at = $3
                where device = $1 and thumbprint = any($2) and removed_at is null`,
        values: [device, thumbprints, at],
      });
    },
  };
}

export type CredentialStore = ReturnType<typeof createCredentialStore>;
