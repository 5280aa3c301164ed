import {
  type Actor,
  type AuditAppender,
  type AuditLog,
  type DecisionHistory,
  type Independence,
  type PolicyBundle,
  type PolicyVersion,
  type PolicyVersions,
  type ProposerStanding,
  policyErrors,
} from '@countersign/contracts';
import type { Clock, CodedError, Random } from '@countersign/kernel';
import { type ComponentAccess, type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { loadBundle } from '../bundle/load-bundle.ts';
import { hashOfBundle } from '../bundle/parts.ts';
import type { WayBack } from '../trading/way-back.ts';
import { type ActivePolicies, type ActiveVersion, followVersions } from './active-version.ts';
import { createCandidates } from './candidates.ts';
import { createRefusals } from './change-request.ts';
import { publishVersion } from './publish.ts';
import { isAnyRecorded } from './recorded-version.ts';
import { createRollBack } from './roll-back.ts';
import { type PolicySigner, policiesOf, shownVersion, verifyVersion } from './signature.ts';
import {
  findBundle,
  findVersion,
  hasSignedVersion,
  listVersions,
  lockVersions,
  type Session,
  type StoredVersion,
} from './store.ts';

export interface PolicyVersionsDependencies {
  readonly pool: pg.Pool;
  readonly access: ComponentAccess;
  readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  readonly publisher: Actor;
  readonly shipped: () => Promise<PolicyBundle>;
  readonly simulation: DecisionHistory['simulation'];
  /** Checks that proposer and approver can roll the bundle back; no check when absent. */
  readonly wayBack?: WayBack;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly pollMs?: number;
  readonly versionWithinMs?: number;
}

export interface GovernedVersions
  extends PolicyVersions,
    Pick<ActiveVersion, 'current' | 'atLeast' | 'onChange' | 'afterLook' | 'stop'> {
  /** Not verified; callers check its hash. @throws CodedError `version_not_found` */
  storedBundle(version: number): Promise<PolicyBundle>;
}

const maxListed = 100;

/**
 * Opens the versions of the policies. A new installation gets the release's bundle as its first version. Later versions need two
 * people, or one for a roll-back.
 * @throws CodedError `bundle_signature` if the active version does not match its signature; `policy_invalid` if it, or the release's
 *   bundle as the first version, cannot be loaded
 */
export async function createPolicyVersions(dependencies: PolicyVersionsDependencies): Promise<GovernedVersions> {
  const { pool, logger } = dependencies;
  const shipped = await dependencies.shipped();
  await publishFirst(shipped, dependencies);
  const active = await followVersions({ ...dependencies, shipped });
  if (hashOfBundle(shipped) !== active.current().loaded.hash)
    logger.info(
      { active: active.current().version.version, shipped: hashOfBundle(shipped) },
      'the policies of this release are not the active ones: propose them to put them into force',
    );
  const common = { ...dependencies, active, ...createRefusals(dependencies) };
  return {
    ...active,
    ...createCandidates(common),
    rollBack: createRollBack(common),
    async list() {
      return (await listVersions(pool, maxListed)).map(shownVersion);
    },
    async version(version) {
      const stored = await findVersion(pool, version);
      if (stored === undefined) throw versionNotFound(version);
      return activated(stored, active.current(), dependencies);
    },
    async bundle(version) {
      const present = active.current();
      if (present.version.version === version) return present.loaded.bundle;
      const stored = await findVersion(pool, version);
      const bundle = stored === undefined ? undefined : await findBundle(pool, version);
      if (stored === undefined || bundle === undefined) throw versionNotFound(version);
      if (stored.governed !== null) await verifyVersion(stored, bundle, dependencies);
      return bundle;
    },
    async storedBundle(version) {
      const bundle = await findBundle(pool, version);
      if (bundle === undefined) throw versionNotFound(version);
      return bundle;
    },
  };
}

/**
 * A verified version. Its policies are read from the signed bundle, because their copy in the row is not covered by the signature.
 * @throws CodedError `bundle_signature`
 */
async function activated(
  stored: StoredVersion,
  { version: active, loaded }: ActivePolicies,
  dependencies: Pick<PolicyVersionsDependencies, 'pool' | 'signer' | 'audit'>,
): Promise<PolicyVersion> {
  if (stored.governed === null) return shownVersion(stored);
  if (stored.version === active.version) return active;
  const bundle = await findBundle(dependencies.pool, stored.version);
  if (bundle === undefined) throw versionNotFound(stored.version);
  await verifyVersion(stored, bundle, dependencies);
  const rules = loaded.hash === stored.hash ? loaded : await loadBundleAside(bundle);
  return { ...shownVersion(stored), policies: policiesOf(rules) };
}

function versionNotFound(version: number): CodedError {
  return policyErrors.error('version_not_found', `There is no version ${version} of the policies.`);
}

/** Publishes the first version. Concurrent nodes take turns, and only the first one publishes. */
async function publishFirst(shipped: PolicyBundle, dependencies: PolicyVersionsDependencies): Promise<void> {
  const { pool, publisher, audit } = dependencies;
  // An installation with any publication in the log does not start again, even if its rows are missing.
  const isFirst = async (session: Session) => !(await hasSignedVersion(session)) && !(await isAnyRecorded(audit));
  if (!(await isFirst(pool))) return;
  const loaded = loadBundle(shipped);
  await transaction(pool, async (session): Promise<PolicyVersion | undefined> => {
    await lockVersions(session);
    if (!(await isFirst(session))) return undefined;
    return publishVersion(
      session,
      { loaded, by: publisher, changeRequest: 'release', reason: 'First version', proposedBy: publisher.id },
      dependencies,
    );
  });
}
