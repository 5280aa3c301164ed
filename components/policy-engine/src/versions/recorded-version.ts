import {
  type AuditLog,
  type PolicyBundle,
  type PolicyVersion,
  policyErrors,
  type Standing,
  standing,
} from '@countersign/contracts';
import { defined, digestOf, type Json, parseDigest, parseId, type RecordId } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundle } from '../bundle/load-bundle.ts';
import { hashOfBundle } from '../bundle/parts.ts';
import { memberOf } from '../history/json-members.ts';
import { type PolicySigner, policiesOf, shownVersion, signActivation } from './signature.ts';
import { bundlesByHash, findVersion, insertVersion, lockVersions, newestVersion, type StoredVersion } from './store.ts';

// The log decides which version is in force. Otherwise an attacker with this component's database role could remove the newest
// rows, so that a starting node would use an older version or the shipped one (docs/adr/0043).

const versionsThing = 'policy-versions';

type Named = Pick<PolicyVersion, 'version' | 'hash' | 'recordId'>;

const contentOf = ({ version, hash, recordId }: Named): Json => ({ version, hash, record: recordId });

export function versionStanding(published: Named): Standing {
  return standing(versionsThing, contentOf(published));
}

type Log = Pick<AuditLog, 'standings' | 'find'>;

/** Whether the log names a newest version; publications of the previous release do not. */
export async function isAnyRecorded(log: Log): Promise<boolean> {
  return (await log.standings([versionsThing])).has(versionsThing);
}

export async function newestPublication(log: Log): Promise<RecordId | undefined> {
  return (await log.standings([versionsThing])).get(versionsThing)?.record;
}

export async function isNewestRecorded(version: Named | undefined, log: Log): Promise<boolean> {
  const newest = (await log.standings([versionsThing])).get(versionsThing);
  return newest === undefined || (version !== undefined && newest.digest === digestOf(contentOf(version)));
}

/** Restored if its row is missing. @throws CodedError as {@link completeNewest} */
export async function newestPublished(
  pool: pg.Pool,
  from: Parameters<typeof completeNewest>[1],
): Promise<{ readonly stored: StoredVersion | undefined; readonly completed: boolean }> {
  const stored = await newestVersion(pool);
  if (await isNewestRecorded(stored, from.audit)) return { stored, completed: false };
  return transaction(pool, async (session) => {
    // A concurrent publication may be recorded already; under the lock it is also written.
    await lockVersions(session);
    const again = await newestVersion(session);
    if (await isNewestRecorded(again, from.audit)) return { stored: again, completed: false };
    return { stored: await completeNewest(session, from), completed: true };
  });
}

/**
 * Writes the missing row of the last published version, after a crash or a removal. Call it under the lock of the versions.
 * @throws CodedError `bundle_signature` if another version is stored, or the bundle cannot be found
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
      `The newest stored policies (version ${kept?.version ?? 0}) are not the last published ones. Have the table policy_versions restored from a backup.`,
    );
  const bundle = [...known, ...(await bundlesByHash(session, hash))].find((each) => hashOfBundle(each) === hash);
  if (bundle === undefined)
    throw policyErrors.error(
      'bundle_signature',
      `Version ${version} of the policies was published, but its bundle is not in the database. Have the table policy_versions restored from a backup.`,
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
      ...defined({ approvedBy, rolledBackTo: activation.rolledBackTo }),
      policies: policiesOf(loadBundle(bundle)),
      signature: await signActivation(activation, signer),
    },
    bundle,
  );
  const written = await newestVersion(session);
  if (written === undefined) throw new Error('a version that was just written is missing');
  return written;
}

/** The version published by a record, once this node uses it. @throws CodedError `policy_behind` */
export async function publishedBy(
  record: RecordId,
  {
    pool,
    audit,
    active,
  }: {
    readonly pool: pg.Pool;
    readonly audit: Pick<AuditLog, 'find'>;
    readonly active: { atLeast(version: number): Promise<{ readonly version: PolicyVersion }> };
  },
): Promise<PolicyVersion> {
  const version = memberOf((await audit.find(record))?.record.data, 'version');
  if (typeof version !== 'number') throw new Error(`the record ${record} publishes no version`);
  const { version: taken } = await active.atLeast(version);
  // The node has verified it already, so the answer does not depend on its row.
  if (taken.version === version) return taken;
  const stored = await findVersion(pool, version);
  if (stored === undefined)
    throw policyErrors.error(
      'policy_behind',
      `Version ${version} of the policies is being restored. Repeat the request.`,
    );
  return shownVersion(stored);
}
