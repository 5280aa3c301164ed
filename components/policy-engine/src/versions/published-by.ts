import { type AuditLog, type PolicyVersion, policyErrors } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';
import type pg from 'pg';
import { memberOf } from '../history/json-members.ts';
import type { ActiveVersion } from './active-version.ts';
import { findVersion } from './store.ts';
import { shownVersion } from './version-rows.ts';

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
    readonly active: Pick<ActiveVersion, 'atLeast'>;
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
