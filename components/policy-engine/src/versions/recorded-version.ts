import {
  type AuditLog,
  type PolicyBundle,
  type PolicyVersion,
  policyErrors,
  type Standing,
  standing,
} from '@countersign/contracts';
import { digestOf, type Json, parseDigest, parseId, type RecordId } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundle } from '../bundle/load-bundle.ts';
import { hashOfBundle } from '../bundle/parts.ts';
import { memberOf } from '../history/json-members.ts';
import { type PolicySigner, signActivation } from './signature.ts';
import { bundlesByHash, insertVersion, lockVersions, newestVersion, type StoredVersion } from './store.ts';
import { policiesOf } from './version-rows.ts';

// Which version is in force, the log says: whoever has the role of this component can take the newest rows out, and have a
// node that starts decide by what was in force before, or begin anew with what the release ships (docs/adr/0043).

const versionsThing = 'policy-versions';

type Named = Pick<PolicyVersion, 'version' | 'hash' | 'recordId'>;

const contentOf = ({ version, hash, recordId }: Named): Json => ({ version, hash, record: recordId });

/** What the record of a publication says: there is one newest version. */
export function versionStanding(published: Named): Standing {
  return standing(versionsThing, contentOf(published));
}

type Log = Pick<AuditLog, 'standings' | 'find'>;

/** Whether any publication says which version is the newest; those of the release before do not. */
export async function isAnyRecorded(log: Log): Promise<boolean> {
  return (await log.standings([versionsThing])).has(versionsThing);
}

/** The record of the version that was published last. */
export async function newestPublication(log: Log): Promise<RecordId | undefined> {
  return (await log.standings([versionsThing])).get(versionsThing)?.record;
}

/** Whether this is the version that was published last. */
export async function isNewestRecorded(version: Named | undefined, log: Log): Promise<boolean> {
  const newest = (await log.standings([versionsThing])).get(versionsThing);
  return newest === undefined || (version !== undefined && newest.digest === digestOf(contentOf(version)));
}

/**
 * The newest version there is, which is the one that was published last: written first where it is missing.
 *
 * @throws CodedError as {@link completeNewest}
 */
export async function newestPublished(
  pool: pg.Pool,
  from: Parameters<typeof completeNewest>[1],
): Promise<{ readonly stored: StoredVersion | undefined; readonly completed: boolean }> {
  const stored = await newestVersion(pool);
  if (await isNewestRecorded(stored, from.audit)) return { stored, completed: false };
  return transaction(pool, async (session) => {
    // Whoever publishes just now has recorded it already: here they have finished.
    await lockVersions(session);
    const again = await newestVersion(session);
    if (await isNewestRecorded(again, from.audit)) return { stored: again, completed: false };
    return { stored: await completeNewest(session, from), completed: true };
  });
}

/**
 * Writes the version that was published last, where it is missing: a node was stopped between the record and the row, or
 * somebody has taken the row out. Its bundle is found by its hash, wherever it is. Call it under the lock of the versions.
 *
 * @param known bundles that are here without the database
 * @throws CodedError `bundle_signature` where what is stored is another version, or the bundle is nowhere
 */
async function completeNewest(
  session: pg.PoolClient,
  {
    audit,
    signer,
    known,
  }: { readonly audit: Log; readonly signer: PolicySigner; readonly known: readonly PolicyBundle[] },
): Promise<StoredVersion> {
  const kept = await newestVersion(session);
  const newest = (await audit.standings([versionsThing])).get(versionsThing);
  const record = newest === undefined ? undefined : (await audit.find(newest.record))?.record;
  const data = record?.data;
  const [version, hash] = [memberOf(data, 'version'), parseDigest(memberOf(data, 'hash'))];
  if (record === undefined || typeof version !== 'number' || hash === undefined || (kept?.version ?? 0) >= version)
    throw policyErrors.error(
      'bundle_signature',
      `The newest policies stored (version ${kept?.version ?? 0}) are not those that were published last. Have the table policy_versions restored from a backup.`,
    );
  const bundle = [...known, ...(await bundlesByHash(session, hash))].find((each) => hashOfBundle(each) === hash);
  if (bundle === undefined)
    throw policyErrors.error(
      'bundle_signature',
      `Version ${version} of the policies was published, and its bundle is not in the database. Have the table policy_versions restored from a backup.`,
    );
  const text = (name: string): string | undefined => {
    const member = memberOf(data, name);
    return typeof member === 'string' ? member : undefined;
  };
  const rolledBackTo = memberOf(data, 'rolled_back_to');
  const activation = {
    ...{ version, hash, publishedAt: record.time, recordId: record.id },
    changeRequest: text('change_request') ?? '',
    proposedBy: text('proposed_by') ?? '',
    candidate: parseId('policyCandidate', text('candidate')),
    approvedBy: text('approved_by'),
    rolledBackTo: typeof rolledBackTo === 'number' ? rolledBackTo : undefined,
  };
  const { approvedBy, rolledBackTo: _, ...named } = activation;
  await insertVersion(
    session,
    {
      ...named,
      ...(approvedBy === undefined ? {} : { approvedBy }),
      ...(activation.rolledBackTo === undefined ? {} : { rolledBackTo: activation.rolledBackTo }),
      policies: policiesOf(loadBundle(bundle)),
      signature: await signActivation(activation, signer),
    },
    bundle,
  );
  const written = await newestVersion(session);
  if (written === undefined) throw new Error('a version that was just written is not there');
  return written;
}
