import type { PrincipalId } from '@countersign/contracts';
import { type AuthenticatorId, type Digest, defined, type RecordId, toInstant } from '@countersign/kernel';
import { ask, takeNamedLock } from '@countersign/runtime';
import type { AttestationWorth } from '@countersign/webauthn/ceremonies';
import type pg from 'pg';
import type { StoredAuthenticator } from './stored-authenticator.ts';

interface Row {
  readonly id: AuthenticatorId;
  readonly person: PrincipalId;
  readonly name: string;
  readonly credential_id: Buffer;
  readonly kid: Digest;
  readonly jwk: Readonly<Record<string, string>>;
  readonly acr: string;
  readonly aaguid: string;
  readonly model: string | null;
  readonly attestation_format: string;
  readonly attestation: AttestationWorth;
  readonly backup_eligible: boolean;
  readonly transports: readonly string[];
  readonly counter: string;
  readonly record_id: RecordId;
  readonly invited_by: string | null;
  readonly user_handle: Buffer;
  readonly registered_at: Date;
  readonly last_used_at: Date | null;
  readonly suspended_at: Date | null;
  readonly removed_at: Date | null;
  readonly ended_by: RecordId | null;
}

export interface AuthenticatorRow extends StoredAuthenticator {
  /** Record of its suspension or removal. */
  readonly endedBy?: RecordId;
}

const selected = `select a.id, a.person, a.name, a.credential_id, a.kid, a.jwk, a.acr, a.aaguid, a.model,
                         a.attestation_format, a.attestation, a.backup_eligible, a.transports, a.counter, a.record_id,
                         a.invited_by, p.user_handle, a.registered_at, a.last_used_at, a.suspended_at, a.removed_at,
                         a.ended_by
                    from authenticators a join authenticator_people p on p.person = a.person`;

type Session = pg.Pool | pg.PoolClient;

const answeredWithinMs = 600_000;
/** Tolerated difference between the clocks of two nodes. */
const clockDifferenceMs = 5_000;

/** Highest counter of authenticator `$1`. @param instant milliseconds */
const countBefore = (instant: string): string =>
  `select coalesce(max(counter), 0) from authenticator_uses
    where authenticator = $1 and used_at <= to_timestamp(${instant}::float8 / 1000.0)`;

export function createAuthenticatorStore(pool: pg.Pool) {
  return {
    async find(credentialId: Buffer): Promise<AuthenticatorRow | undefined> {
      const { rows } = await ask<Row>(pool, {
        name: 'authenticator-find',
        text: `${selected} where a.credential_id = $1`,
        values: [credentialId],
      });
      return rows[0] === undefined ? undefined : storedOf(rows[0]);
    },
    async findById(session: Session, id: string): Promise<AuthenticatorRow | undefined> {
      const { rows } = await ask<Row>(session, {
        name: 'authenticator-by-id',
        text: `${selected} where a.id = $1`,
        values: [id],
      });
      return rows[0] === undefined ? undefined : storedOf(rows[0]);
    },
    async lockById(client: pg.PoolClient, id: string): Promise<AuthenticatorRow | undefined> {
      const { rows } = await ask<Row>(client, {
        name: 'authenticator-lock',
        text: `${selected} where a.id = $1 for update of a`,
        values: [id],
      });
      return rows[0] === undefined ? undefined : storedOf(rows[0]);
    },
    /** Authenticators that were not removed, oldest first. */
    async ofPerson(session: Session, person: PrincipalId): Promise<readonly AuthenticatorRow[]> {
      const { rows } = await ask<Row>(session, {
        name: 'authenticator-of-person',
        text: `${selected} where a.person = $1 and a.removed_at is null order by a.registered_at, a.id`,
        values: [person],
      });
      return rows.map(storedOf);
    },
    async everHad(session: Session, person: PrincipalId): Promise<boolean> {
      const { rows } = await ask<{ had: boolean }>(session, {
        name: 'authenticator-ever-had',
        text: 'select exists (select from authenticators where person = $1) as had',
        values: [person],
      });
      return rows[0]?.had === true;
    },
    async invitersOf(person: PrincipalId): Promise<readonly string[]> {
      const { rows } = await ask<{ invited_by: string }>(pool, {
        name: 'authenticator-inviters',
        text: `select invited_by from authenticators where person = $1 and invited_by is not null
               union
               select invited_by from authenticator_invitations where person = $1 and ended_at is null`,
        values: [person],
      });
      return rows.map(({ invited_by }) => invited_by).sort();
    },
    /** Serialises changes to the authenticators of a person. Taken after the lock of the thing. @returns the user handle, base64url */
    async lockPerson(client: pg.PoolClient, person: PrincipalId, newHandle: Uint8Array): Promise<string> {
      await ask(client, {
        name: 'authenticator-person',
        text: 'insert into authenticator_people (person, user_handle) values ($1, $2) on conflict (person) do nothing',
        values: [person, Buffer.from(newHandle)],
      });
      const { rows } = await ask<{ user_handle: Buffer }>(client, {
        name: 'authenticator-person-lock',
        text: 'select user_handle from authenticator_people where person = $1 for update',
        values: [person],
      });
      return rows[0]?.user_handle.toString('base64url') ?? '';
    },
    /** Created on first use. */
    async userHandleOf(person: PrincipalId, newHandle: Uint8Array): Promise<Buffer> {
      const { rows } = await ask<{ user_handle: Buffer }>(pool, {
        name: 'authenticator-user-handle',
        text: `with made as (
                 insert into authenticator_people (person, user_handle) values ($1, $2)
                 on conflict (person) do nothing returning user_handle)
               select user_handle from made
               union all select user_handle from authenticator_people where person = $1
               limit 1`,
        values: [person, Buffer.from(newHandle)],
      });
      const handle = rows[0]?.user_handle;
      // A concurrent request has created the row.
      return handle ?? this.userHandleOf(person, newHandle);
    },
    /** To anybody, now or earlier. */
    async isRegistered(client: pg.PoolClient, credentialId: string, kid: Digest): Promise<boolean> {
      // Serialises registrations of one key.
      await takeNamedLock(client, `registered key ${kid.charAt(0)}`);
      const { rows } = await ask<{ known: boolean }>(client, {
        name: 'authenticator-is-registered',
        text: 'select exists (select from authenticators where credential_id = $1 or kid = $2) as known',
        values: [Buffer.from(credentialId, 'base64url'), kid],
      });
      return rows[0]?.known === true;
    },
    /** @param given.name default: its position among the person's keys */
    async insert(
      client: pg.PoolClient,
      given: Omit<StoredAuthenticator, 'name' | 'lastUsedAt'> & { readonly name?: string },
    ): Promise<void> {
      await ask(client, {
        name: 'authenticator-person',
        text: 'insert into authenticator_people (person, user_handle) values ($1, $2) on conflict (person) do nothing',
        values: [given.person, Buffer.from(given.userHandle, 'base64url')],
      });
      await ask(client, {
        name: 'authenticator-insert',
        text: `insert into authenticators
                 (id, person, name, credential_id, kid, jwk, acr, aaguid, model, attestation_format, attestation,
                  backup_eligible, transports, counter, record_id, invited_by, registered_at)
               values ($1, $2,
                  coalesce($3, 'Key ' || (select count(*) + 1 from authenticators where person = $2 and removed_at is null)),
                  $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
               on conflict (id) do nothing`,
        values: [
          ...[given.id, given.person, given.name ?? null, Buffer.from(given.credentialId, 'base64url'), given.kid],
          ...[JSON.stringify(given.jwk), given.acr, given.aaguid, given.model ?? null, given.attestationFormat],
          ...[given.attestation, given.backupEligible, given.transports, given.counter, given.recordId],
          ...[given.invitedBy ?? null, given.registeredAt],
        ],
      });
    },
    /** Stores a use, if the counter rose or stays at zero. @returns false after a concurrent use, suspension or removal */
    async use(id: AuthenticatorId, counter: number, now: number): Promise<boolean> {
      const { rowCount } = await ask(pool, {
        name: 'authenticator-use',
        text: `with used as (
                 update authenticators set counter = $2, last_used_at = to_timestamp($3::float8 / 1000.0)
                  where id = $1 and removed_at is null and suspended_at is null
                    and (counter < $2 or (counter = 0 and $2 = 0))
                 returning id
               ), forgotten as (
                 delete from authenticator_uses where authenticator = $1 and counter < (${countBefore('$4')})
               ), remembered as (
                 insert into authenticator_uses (authenticator, counter, used_at)
                 select id, $2, to_timestamp($3::float8 / 1000.0) from used where $2 > 0
               )
               select from used`,
        values: [id, counter, now, now - answeredWithinMs],
      });
      return rowCount === 1;
    },
    /** Whether a later page was answered first: the count is new and higher than when the page was shown. @param askedAt milliseconds since the epoch */
    async wasOvertaken(id: AuthenticatorId, counter: number, askedAt: number): Promise<boolean> {
      const { rowCount } = await ask(pool, {
        name: 'authenticator-overtaken',
        text: `select from authenticators
                where id = $1 and $2 < counter and last_used_at > to_timestamp($3::float8 / 1000.0)
                  and $2 > (${countBefore('$3')})
                  and not exists (select from authenticator_uses where authenticator = $1 and counter = $2)`,
        values: [id, counter, askedAt - clockDifferenceMs],
      });
      return rowCount === 1;
    },
    /** Suspends or removes. @param by record */
    async end(
      client: pg.PoolClient,
      { id, suspendedAt, removedAt }: Pick<StoredAuthenticator, 'id' | 'suspendedAt' | 'removedAt'>,
      by: RecordId,
    ): Promise<void> {
      await ask(client, {
        name: 'authenticator-end',
        text: 'update authenticators set suspended_at = $2, removed_at = $3, ended_by = $4 where id = $1',
        values: [id, suspendedAt ?? null, removedAt ?? null, by],
      });
    },
    async rename(client: pg.PoolClient, id: AuthenticatorId, name: string): Promise<void> {
      await ask(client, {
        name: 'authenticator-rename',
        text: 'update authenticators set name = $2 where id = $1',
        values: [id, name],
      });
    },
  };
}

export type AuthenticatorStore = ReturnType<typeof createAuthenticatorStore>;

function storedOf(row: Row): AuthenticatorRow {
  const instant = (at: Date | null) => (at === null ? undefined : toInstant(at.getTime()));
  const { id, person, name, kid, jwk, acr, aaguid, attestation, transports } = row;
  return {
    ...{ id, person, name, kid, jwk, acr, aaguid, attestation, transports, recordId: row.record_id },
    ...{ attestationFormat: row.attestation_format, attested: attestation === 'trusted' },
    ...{ credentialId: row.credential_id.toString('base64url'), userHandle: row.user_handle.toString('base64url') },
    ...{ backupEligible: row.backup_eligible, counter: Number(row.counter) },
    registeredAt: toInstant(row.registered_at.getTime()),
    ...defined({ lastUsedAt: instant(row.last_used_at), suspendedAt: instant(row.suspended_at) }),
    ...defined({ removedAt: instant(row.removed_at), model: row.model ?? undefined }),
    ...defined({ invitedBy: row.invited_by ?? undefined, endedBy: row.ended_by ?? undefined }),
  };
}
