import type { TrustProfile, TrustProfileInput } from '@countersign/contracts';
import type { ProfileId, RecordId } from '@countersign/kernel';
import { ask, notifyAfterCommit } from '@countersign/runtime';
import type pg from 'pg';

/** Notifies other nodes; the payload is not trusted. */
export const changeChannel = 'countersign_trust_registry';

interface ProfileRow {
  readonly id: ProfileId;
  readonly version: number;
  readonly profile: TrustProfileInput;
  readonly recordId: RecordId;
}

type Session = pg.Pool | pg.PoolClient;

export async function loadProfiles(session: Session): Promise<readonly TrustProfile[]> {
  const { rows } = await ask<ProfileRow>(session, {
    name: 'newest-profiles',
    text: `select distinct on (profile_id) profile_id as id, version, profile, record_id as "recordId"
             from profile_versions order by profile_id, version desc`,
    values: [],
  });
  return readable(rows);
}

/** SHA-256 of the issuer, base64url. */
const key = `rtrim(translate(encode(sha256(convert_to(issuer, 'UTF8')), 'base64'), '+/', '-_'), '=')`;

/** The newest version of the profile of an issuer. @param issuer its hash */
export async function newestOf(session: Session, issuer: string): Promise<TrustProfile | undefined> {
  const { rows } = await ask<ProfileRow>(
    session,
    `select profile_id as id, version, profile, record_id as "recordId"
       from profile_versions where profile_id = (select profile_id from issuers where ${key} = $1) order by version desc limit 1`,
    [issuer],
  );
  return readable(rows)[0];
}

/** The same, locked until the transaction ends. */
export async function lockNewest(session: pg.PoolClient, issuer: string): Promise<TrustProfile | undefined> {
  await ask(session, `select issuer from issuers where ${key} = $1 for update`, [issuer]);
  return newestOf(session, issuer);
}

/**
 * Makes this the newest version and announces it with the commit. Forged rows of this version or a later one are
 * removed.
 */
export async function putVersion(session: pg.PoolClient, profile: TrustProfile, recordedAt: number): Promise<void> {
  const { id, version, recordId, ...content } = profile;
  await ask(
    session,
    `delete from profile_versions
      where (profile_id = $1 and version >= $2)
         or profile_id in (select profile_id from issuers where issuer = $3 and profile_id <> $1)`,
    [id, version, content.issuer],
  );
  await ask(
    session,
    `insert into issuers (issuer, profile_id, institution) values ($1, $2, $3)
     on conflict (issuer) do update set profile_id = excluded.profile_id, institution = excluded.institution`,
    [content.issuer, id, content.institution],
  );
  await ask(
    session,
    `insert into profile_versions (profile_id, version, profile, record_id, recorded_at)
     values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000))`,
    [id, version, JSON.stringify(content), recordId, recordedAt],
  );
  notifyAfterCommit(session, changeChannel);
}

/** Forged rows may have any form. */
function readable(rows: readonly ProfileRow[]): readonly TrustProfile[] {
  return rows
    .map(({ id, version, profile, recordId }) => ({ ...profile, id, version, recordId }))
    .filter(({ issuer }) => typeof issuer === 'string');
}
