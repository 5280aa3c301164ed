import {
  type AuditAppender,
  type AuditLog,
  type PolicyBundle,
  type PolicyVersions,
  policyErrors,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { readAbout } from './about.ts';
import type { ActiveVersion } from './active-version.ts';
import { publishVersion } from './publish.ts';
import type { Refuse } from './refusals.ts';
import type { PolicySigner } from './signature.ts';
import { findBundle, findVersion, lockVersions, newestVersion, type StoredVersion } from './store.ts';
import { verifyVersion } from './verify-version.ts';

/**
 * One step back: the bundle that was active before comes into force again, as a version of its own. Once, since a
 * second step would bring back what was just taken back, or what nobody has had in mind.
 */
export function createRollBack(dependencies: {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & Pick<AuditLog, 'find'>;
  readonly signer: PolicySigner;
  readonly active: ActiveVersion;
  readonly refusals: Refuse;
  readonly clock: Clock;
  readonly random: Random;
}): PolicyVersions['rollBack'] {
  const { pool, active, refusals } = dependencies;
  return async (about, by) => {
    const { changeRequest, reason } = readAbout(about);
    const published = await transaction(pool, async (session) => {
      await lockVersions(session);
      const newest = await newestVersion(session);
      // Whether it is a roll-back itself is for those who activated it to say, and not for its row.
      if (newest?.governed != null) await verifyVersion(newest, await bundleOf(session, newest), dependencies);
      const before = await stepBefore(session, newest);
      if (before === undefined)
        return refusals(
          policyErrors.error(
            'nothing_to_roll_back',
            newest?.governed?.rolledBackTo == null
              ? 'No other bundle was in force before the active one.'
              : 'The active version is a roll-back already. To go on from here, propose a bundle.',
          ),
          { operation: 'policy:rollback', by, changeRequest },
        );
      await verifyVersion(before.stored, before.bundle, dependencies);
      return publishVersion(
        session,
        {
          loaded: await loadBundleAside(before.bundle, 'urgent'),
          by,
          changeRequest,
          reason,
          proposedBy: by.id,
          rolledBackTo: before.stored.version,
        },
        dependencies,
      );
    });
    await active.refresh();
    return published;
  };
}

async function stepBefore(session: pg.PoolClient, newest: StoredVersion | undefined) {
  if (newest?.governed == null || newest.governed.rolledBackTo !== null) return undefined;
  const stored = await findVersion(session, newest.version - 1);
  if (stored?.governed == null) return undefined;
  return { stored, bundle: await bundleOf(session, stored) };
}

async function bundleOf(session: pg.PoolClient, { version }: StoredVersion): Promise<PolicyBundle> {
  const bundle = await findBundle(session, version);
  if (bundle === undefined) throw new Error('a version was removed while all of them were locked');
  return bundle;
}
