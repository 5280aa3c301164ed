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

/** A row of `authenticators`. */
export interface AuthenticatorRow extends StoredAuthenticator {
  /** The record of the suspicion or the removal that made it what it is. */
  readonly endedBy?: RecordId;
}

const selected = `select a.id, a.person, a.name, a.credential_id, a.kid, a.jwk, a.acr, a.aaguid, a.model,
                         a.attestation_format, a.attestation, a.backup_eligible, a.transports, a.counter, a.record_id,
                         a.invited_by, p.user_handle, a.registered_at, a.last_used_at, a.suspended_at, a.removed_at,
                         a.ended_by
                    from authenticators a join authenticator_people p on p.person = a.person`;

type Session = pg.Pool | pg.PoolClient;

/** No challenge is valid for longer. */
const answeredWithinMs = 600_000;
/** Greatest clock difference between nodes, so that a key is not suspected when one node shows the page and another gets the answer. */
const clockDifferenceMs = 5_000;

/** The highest counter of authenticator `$1` at that instant (milliseconds). */
const countBefore = (instant: string): string =>
  `select coalesce(max(counter), 0) from authenticator_uses
    where authenticator = $1 and used_at <= to_timestamp(${instant}::float8 / 1000.0)`;

/** The tables `authenticators` and `authenticator_people`. */
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
    /**
     * Makes everything that changes the authenticators of one person wait for each other, until the end of the
     * transaction. Taken after the lock of the thing itself. @returns what authenticators know the person by, base64url
     */
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
    /** The WebAuthn user handle of a person; created on first use. */
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
      // Two at once: the other one's row was not there yet when this statement began, and is now.
      return handle ?? this.userHandleOf(person, newHandle);
    },
    /** Whether the credential or its key is or was registered to anybody. */
    async isRegistered(client: pg.PoolClient, credentialId: string, kid: Digest): Promise<boolean> {
      // Registrations of the same key, under any credential id, run one after the other.
      await takeNamedLock(client, `registered key ${kid.charAt(0)}`);
      const { rows } = await ask<{ known: boolean }>(client, {
        name: 'authenticator-is-registered',
        text: 'select exists (select from authenticators where credential_id = $1 or kid = $2) as known',
        values: [Buffer.from(credentialId, 'base64url'), kid],
      });
      return rows[0]?.known === true;
    },
    /** @param given.name by its place among the keys of the person where it is left out */
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
    /**
     * Writes down a use, if it still counts and the counter rose (or stays at zero). What it counted is remembered for as long
     * as an older question may be answered.
     *
     * @returns false when another use, a removal or a suspicion came in between
     */
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
    /**
     * Whether this count, lower than the last one, can be of an answer that was overtaken by a later one: the key never
     * gave it before, was further behind when its question was asked, and has answered something else since then.
     *
     * @param askedAt milliseconds since the epoch
     */
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
    /** Suspended or removed, by the record that says so. */
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
  return {
    id: row.id,
    person: row.person,
    name: row.name,
    credentialId: row.credential_id.toString('base64url'),
    kid: row.kid,
    jwk: row.jwk,
    acr: row.acr,
    aaguid: row.aaguid,
    ...defined({ model: row.model ?? undefined }),
    attestationFormat: row.attestation_format,
    attestation: row.attestation,
    attested: row.attestation === 'trusted',
    backupEligible: row.backup_eligible,
    transports: row.transports,
    counter: Number(row.counter),
    recordId: row.record_id,
    ...defined({ invitedBy: row.invited_by ?? undefined }),
    userHandle: row.user_handle.toString('base64url'),
    registeredAt: toInstant(row.registered_at.getTime()),
    ...(row.last_used_at === null ? {} : { lastUsedAt: toInstant(row.last_used_at.getTime()) }),
    ...(row.suspended_at === null ? {} : { suspendedAt: toInstant(row.suspended_at.getTime()) }),
    ...(row.removed_at === null ? {} : { removedAt: toInstant(row.removed_at.getTime()) }),
    ...defined({ endedBy: row.ended_by ?? undefined }),
  };
}
