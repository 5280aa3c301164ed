import {
  type AuditAppender,
  type AuditLog,
  type PolicyBundle,
  type PolicyVersion,
  type PolicyVersions,
  policyErrors,
} from '@countersign/contracts';
import { type Clock, CodedError, type Digest, type Random } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundleAside } from '../bundle/load-aside.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { readAbout } from './about.ts';
import type { ActiveVersion } from './active-version.ts';
import { publishVersion } from './publish.ts';
import type { Refuse } from './refusals.ts';
import type { PolicySigner } from './signature.ts';
import { findBundle, findVersion, lockVersions, newestVersion, type Session, type StoredVersion } from './store.ts';
import { verifyVersion } from './verify-version.ts';

/** How long after a publication one person may take it back. */
const emergencyMs = 24 * 3_600_000;

/** What a step back brings into force again. */
interface StepBack {
  readonly stored: StoredVersion;
  readonly bundle: PolicyBundle;
}

/**
 * One step back: the bundle that was active before comes into force again, as a version of its own. Once, since a
 * second step would bring back what was just taken back, or what nobody has had in mind. Within a day, since one person
 * does it: later it is no emergency, and takes two as every change does.
 */
export function createRollBack(dependencies: {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  readonly active: ActiveVersion;
  readonly refusals: Refuse;
  readonly clock: Clock;
  readonly random: Random;
}): PolicyVersions['rollBack'] {
  const { pool, active, refusals } = dependencies;
  /** Whoever asks at the same time goes back to the same bundle, which is read once. */
  const loads = new Map<Digest, Promise<LoadedBundle>>();

  function load({ stored: { hash }, bundle }: StepBack): Promise<LoadedBundle> {
    const known = loads.get(hash);
    if (known !== undefined) return known;
    const loading = loadBundleAside(bundle, 'urgent').finally(() => loads.delete(hash));
    loads.set(hash, loading);
    return loading;
  }

  return async (about, by) => {
    const { changeRequest, reason } = readAbout(about);
    let published: PolicyVersion | undefined;
    // A second round is for whoever was overtaken by another publication: what was read ahead is not the step back now.
    while (published === undefined) {
      const ahead = await stepBack(pool, dependencies);
      // Reading it may take seconds, in which others publish and the database would give up a transaction.
      const loaded = ahead instanceof CodedError ? undefined : await load(ahead);
      published = await transaction(pool, async (session) => {
        await lockVersions(session);
        const step = await stepBack(session, dependencies);
        if (step instanceof CodedError) return refusals(step, { operation: 'policy:rollback', by, changeRequest });
        if (loaded?.hash !== step.stored.hash) return undefined;
        return publishVersion(
          session,
          { loaded, by, changeRequest, reason, proposedBy: by.id, rolledBackTo: step.stored.version },
          dependencies,
        );
      });
    }
    await active.refresh();
    return published;
  };
}

/**
 * The version before the newest, when both are what was activated; or why there is no step back.
 *
 * @throws CodedError `bundle_signature`
 */
async function stepBack(
  session: Session,
  from: Parameters<typeof verifyVersion>[2] & { readonly clock: Clock },
): Promise<StepBack | CodedError> {
  const newest = await newestVersion(session);
  if (newest?.governed == null) return nothingBefore();
  // Whether it is a roll-back itself is for those who activated it to say, and not for its row.
  await verifyVersion(newest, await bundleOf(session, newest), from);
  if (newest.governed.rolledBackTo !== null)
    return policyErrors.error(
      'nothing_to_roll_back',
      'The active version is a roll-back already. To go on from here, propose a bundle.',
    );
  if (newest.publishedAt.getTime() + emergencyMs < from.clock.now())
    return policyErrors.error(
      'roll_back_too_late',
      'The active version is in force for more than 24 hours: nobody goes back from it alone. Propose the bundle of the version that should come back.',
    );
  const stored = await findVersion(session, newest.version - 1);
  if (stored?.governed == null) return nothingBefore();
  const bundle = await bundleOf(session, stored);
  await verifyVersion(stored, bundle, from);
  return { stored, bundle };
}

function nothingBefore(): CodedError {
  return policyErrors.error('nothing_to_roll_back', 'No other bundle was in force before the active one.');
}

async function bundleOf(session: Session, { version }: StoredVersion): Promise<PolicyBundle> {
  const bundle = await findBundle(session, version);
  if (bundle === undefined) throw new Error('a version was removed, which nobody may');
  return bundle;
}
