import type { TrustProfile, TrustProfileInput } from '@countersign/contracts';
import type { ProfileId, RecordId } from '@countersign/kernel';
import { databaseFailure, notifyAfterCommit } from '@countersign/runtime';
import type pg from 'pg';

/** Tells other nodes that there is a new version; the payload is not believed. */
export const changeChannel = 'countersign_trust_registry';

interface ProfileRow {
  readonly id: ProfileId;
  readonly version: number;
  readonly profile: TrustProfileInput;
  readonly recordId: RecordId;
}

/** The newest version of each profile. */
export type Session = pg.Pool | pg.PoolClient;

export async function loadProfiles(session: Session): Promise<readonly TrustProfile[]> {
  try {
    const { rows } = await session.query<ProfileRow>({
      name: 'newest-profiles',
      text: `select distinct on (profile_id) profile_id as id, version, profile, record_id as "recordId"
               from profile_versions order by profile_id, version desc`,
    });
    // What somebody has written past us may have any form.
    return rows.map(toProfile).filter(({ issuer }) => typeof issuer === 'string');
  } catch (error) {
    throw databaseFailure(error);
  }
}

/**
 * Takes the issuer for a profile, or finds who has it, and locks it until the transaction ends.
 *
 * @returns the profile's id and institution as they are now
 */
export async function lockIssuer(
  client: pg.PoolClient,
  claim: { readonly issuer: string; readonly profileId: ProfileId; readonly institution: string },
): Promise<{ readonly profileId: ProfileId; readonly institution: string }> {
  await client.query(
    'insert into issuers (issuer, profile_id, institution) values ($1, $2, $3) on conflict (issuer) do nothing',
    [claim.issuer, claim.profileId, claim.institution],
  );
  const { rows } = await client.query<{ profileId: ProfileId; institution: string }>(
    'select profile_id as "profileId", institution from issuers where issuer = $1 for update',
    [claim.issuer],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('an issuer that was just written is not there');
  return row;
}

export async function newestVersion(client: pg.PoolClient, profileId: ProfileId): Promise<TrustProfile | undefined> {
  const { rows } = await client.query<ProfileRow>(
    `select profile_id as id, version, profile, record_id as "recordId"
       from profile_versions where profile_id = $1 order by version desc limit 1`,
    [profileId],
  );
  const [kept] = rows.map(toProfile);
  return typeof kept?.issuer === 'string' ? kept : undefined;
}

/** Adds a version and announces it with the commit. @param recordedAt milliseconds since the epoch */
export async function insertVersion(client: pg.PoolClient, profile: TrustProfile, recordedAt: number): Promise<void> {
  const { id, version, recordId, ...content } = profile;
  await client.query(
    `insert into profile_versions (profile_id, version, profile, record_id, recorded_at)
     values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000))`,
    [id, version, JSON.stringify(content), recordId, recordedAt],
  );
  notifyAfterCommit(client, changeChannel);
}

function toProfile({ id, version, profile, recordId }: ProfileRow): TrustProfile {
  return { ...profile, id, version, recordId };
}
