import type { PolicyBundle, PolicyVersion } from '@countersign/contracts';
import type { Digest, PolicyCandidateId, RecordId } from '@countersign/kernel';
import { ask, notifyAfterCommit } from '@countersign/runtime';
import type pg from 'pg';

/** Notifies other nodes of a new version; the payload is not trusted. */
export const versionChannel = 'countersign_policies';

export type Session = pg.Pool | pg.PoolClient;

export interface StoredVersion {
  readonly version: number;
  readonly hash: Digest;
  readonly publishedAt: Date;
  readonly recordId: RecordId;
  readonly policies: PolicyVersion['policies'];
  /** Null for versions from before bundles were signed. */
  readonly governed: {
    readonly changeRequest: string;
    readonly candidate: PolicyCandidateId | null;
    readonly proposedBy: string;
    readonly approvedBy: string | null;
    readonly rolledBackTo: number | null;
    readonly signature: PolicyVersion['signature'];
  } | null;
}

const columns = `version, hash, published_at as "publishedAt", record_id as "recordId", policies,
  case when signature is null then null else jsonb_build_object(
    'changeRequest', change_request, 'candidate', candidate, 'proposedBy', proposed_by, 'approvedBy', approved_by,
    'rolledBackTo', rolled_back_to, 'signature', signature) end as governed`;

/** Number of the newest version; 0 if there is none. */
export async function newestVersionNumber(session: Session): Promise<number> {
  const { rows } = await ask<{ version: number }>(
    session,
    'select coalesce(max(version), 0) as version from policy_versions',
  );
  return rows[0]?.version ?? 0;
}

export async function findVersion(session: Session, version: number): Promise<StoredVersion | undefined> {
  const { rows } = await ask<StoredVersion>(session, `select ${columns} from policy_versions where version = $1`, [
    version,
  ]);
  return rows[0];
}

export async function hasSignedVersion(session: Session): Promise<boolean> {
  const { rows } = await ask<{ found: boolean }>(
    session,
    'select exists (select 1 from policy_versions where signature is not null) as found',
  );
  return rows[0]?.found ?? false;
}

export async function newestVersion(session: Session): Promise<StoredVersion | undefined> {
  const { rows } = await ask<StoredVersion>(
    session,
    `select ${columns} from policy_versions order by version desc limit 1`,
  );
  return rows[0];
}

/** Newest first. */
export async function listVersions(session: Session, limit: number): Promise<readonly StoredVersion[]> {
  const { rows } = await ask<StoredVersion>(
    session,
    `select ${columns} from policy_versions order by version desc limit $1`,
    [limit],
  );
  return rows;
}

/** The bundle of a version; reconstructed for versions from before bundles. */
export async function findBundle(session: Session, version: number): Promise<PolicyBundle | undefined> {
  const { rows } = await ask<{
    bundle: PolicyBundle | null;
    schema: string | null;
    policies: readonly { readonly text: string }[];
  }>(session, 'select bundle, schema_text as schema, policies from policy_versions where version = $1', [version]);
  const [row] = rows;
  if (row === undefined) return undefined;
  return (
    row.bundle ?? {
      schema: row.schema ?? '',
      policies: [{ file: 'policies.cedar', text: row.policies.map(({ text }) => text).join('\n') }],
      entities: [],
      limits: [],
      rates: {},
      tests: [],
    }
  );
}

/** Stored bundles of versions and candidates with this hash; the caller must verify the hash. */
export async function bundlesByHash(session: Session, hash: Digest): Promise<readonly PolicyBundle[]> {
  const { rows } = await ask<{ bundle: PolicyBundle }>(
    session,
    `select bundle from policy_candidates where hash = $1
     union all select bundle from policy_versions where hash = $1 and bundle is not null limit 10`,
    [hash],
  );
  return rows.map(({ bundle }) => bundle);
}

/** Waits for all other activations on all nodes. */
export async function lockVersions(session: pg.PoolClient): Promise<void> {
  await session.query('lock table policy_versions in share row exclusive mode');
}

/** Writes a version under the lock, and notifies other nodes on commit. */
export async function insertVersion(
  session: pg.PoolClient,
  version: PolicyVersion & { readonly candidate: PolicyCandidateId | undefined },
  bundle: PolicyBundle,
): Promise<void> {
  await session.query(
    `insert into policy_versions (version, hash, published_at, record_id, policies, bundle, change_request, candidate,
       proposed_by, approved_by, rolled_back_to, signature)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      version.version,
      version.hash,
      version.publishedAt,
      version.recordId,
      JSON.stringify(version.policies),
      JSON.stringify(bundle),
      version.changeRequest,
      version.candidate ?? null,
      version.proposedBy,
      version.approvedBy ?? null,
      version.rolledBackTo ?? null,
      JSON.stringify(version.signature),
    ],
  );
  notifyAfterCommit(session, versionChannel);
}

/** Replaces the signature of a withdrawn key. @returns whether the signature was still that of the withdrawn key */
export async function replaceSignature(
  session: Session,
  version: number,
  lostKid: string,
  signature: PolicyVersion['signature'],
): Promise<boolean> {
  const { rows } = await ask<{ version: number }>(
    session,
    `update policy_versions set signature = $3 where version = $1 and signature->>'kid' = $2 returning version`,
    [version, lostKid, JSON.stringify(signature)],
  );
  return rows.length === 1;
}
