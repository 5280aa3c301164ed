import type { RecordedKind } from '@countersign/commands';
import type { CertificateStatus } from '@countersign/contracts';
import { type RecordId, toInstant } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';
import { type CertificateState, carriedOf, type StoredCertificate, stateOf } from './certificate-state.ts';

export type Session = pg.Pool | pg.PoolClient;

interface Row {
  readonly state: unknown;
  readonly record: RecordId;
  readonly signature: Buffer | null;
}

const columns = 'state, record, signature';

function certificateOf({ state, record, signature }: Row): StoredCertificate {
  return { ...stateOf(state), change: record, signature: signature ?? undefined };
}

async function find(session: Session, serial: string): Promise<StoredCertificate | undefined> {
  const { rows } = await ask<Row>(session, `select ${columns} from certificates where serial = $1`, [serial]);
  const [row] = rows;
  return row === undefined ? undefined : certificateOf(row);
}

/** Certificates as rows that their newest record must confirm (docs/adr/0043). */
export function certificatesAsRows(
  forgets: (state: CertificateState) => boolean,
): RecordedKind<string, CertificateState, StoredCertificate> {
  return {
    kind: 'certificate',
    find,
    async lock(session, serial) {
      await ask(session, 'select serial from certificates where serial = $1 for update', [serial]);
      return find(session, serial);
    },
    recordOf: ({ change }) => change,
    content: carriedOf,
    stateOf: (carried) => stateOf(carried),
    async put(session, state, { record }) {
      await ask(
        session,
        `insert into certificates (serial, state, record, holder, institution, profile, status, not_after, issued_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (serial) do update set state = excluded.state, record = excluded.record, holder = excluded.holder,
           institution = excluded.institution, profile = excluded.profile, status = excluded.status,
           not_after = excluded.not_after, issued_at = excluded.issued_at`,
        [
          state.serial,
          JSON.stringify(carriedOf(state)),
          record,
          state.holder,
          state.institution,
          state.profile,
          state.revoked === undefined ? 'valid' : 'revoked',
          toInstant(state.notAfter),
          toInstant(state.issuedAt),
        ],
      );
    },
    forgets,
  };
}

/**
 * Stores a signature unless one is stored.
 * @returns the stored one
 */
export async function keepSignature(session: Session, serial: string, signature: Uint8Array): Promise<Uint8Array> {
  const { rows } = await ask<{ signature: Buffer }>(
    session,
    'update certificates set signature = coalesce(signature, $2) where serial = $1 returning signature',
    [serial, signature],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a signature was made for a certificate that is not stored');
  return row.signature;
}

/** Replaces a signature that does not verify. */
export async function replaceSignature(session: Session, serial: string, signature: Uint8Array): Promise<void> {
  await ask(session, 'update certificates set signature = $2 where serial = $1', [serial, signature]);
}

/** Newest first. */
export async function listCertificates(
  session: Session,
  filter: {
    readonly holder: string | undefined;
    readonly institution: string | undefined;
    readonly profile: string | undefined;
    readonly status: CertificateStatus | undefined;
    /** Milliseconds since the epoch. */
    readonly now: number;
    readonly limit: number;
  },
): Promise<readonly StoredCertificate[]> {
  const { rows } = await ask<Row>(
    session,
    `select ${columns} from certificates
      where ($1::text is null or holder = $1) and ($2::text is null or institution = $2)
        and ($3::text is null or profile = $3) and profile <> 'ocsp'
        and ($5::text is null or $5 = case when status = 'valid' and not_after < $6 then 'expired' else status end)
      order by issued_at desc, serial limit $4`,
    [
      ...[filter.holder ?? null, filter.institution ?? null, filter.profile ?? null, filter.limit],
      ...[filter.status ?? null, new Date(filter.now)],
    ],
  );
  return rows.map(certificateOf);
}

/** The newest certificates of a profile by one authority. */
export async function newestOf(
  session: Session,
  profile: string,
  authority: string,
): Promise<readonly StoredCertificate[]> {
  const { rows } = await ask<Row>(
    session,
    `select ${columns} from certificates
      where profile = $1 and state ->> 'authority' = $2 order by issued_at desc, serial limit 5`,
    [profile, authority],
  );
  return rows.map(certificateOf);
}

export interface StoredList {
  readonly number: bigint;
  /** DER. */
  readonly list: Uint8Array;
  readonly nextUpdate: number;
}

export async function findList(session: Session, authority: string, shard: number): Promise<StoredList | undefined> {
  const { rows } = await ask<{ number: string; list: Buffer; next_update: Date }>(
    session,
    'select number, list, next_update from revocation_lists where authority = $1 and shard = $2',
    [authority, shard],
  );
  const [row] = rows;
  return row && { number: BigInt(row.number), list: row.list, nextUpdate: row.next_update.getTime() };
}

export async function keepList(
  session: Session,
  { authority, shard, number, list, nextUpdate }: StoredList & { readonly authority: string; readonly shard: number },
): Promise<void> {
  await ask(
    session,
    `insert into revocation_lists (authority, shard, number, list, next_update) values ($1, $2, $3, $4, $5)
     on conflict (authority, shard) do update set number = excluded.number, list = excluded.list,
       next_update = excluded.next_update`,
    [authority, shard, number.toString(), list, toInstant(nextUpdate)],
  );
}

/**
 * Removes certificates that expired before a time, when OCSP need not answer for them.
 * @returns how many
 */
export async function forgetCertificates(session: Session, before: number): Promise<number> {
  const { rowCount } = await ask(
    session,
    `delete from certificates where serial in
       (select serial from certificates where not_after < $1 order by not_after limit 1000)`,
    [toInstant(before)],
  );
  return rowCount ?? 0;
}
