import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditLog, type PolicyBundle, type PolicyVersion, policyErrors } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { type ComponentAccess, keepFresh, type Logger } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { type LoadedBundle, loadBundle } from '../bundle/load-bundle.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import { isNewestRecorded, newestPublished } from './recorded-version.ts';
import {
  activationOf,
  type PolicySigner,
  policiesOf,
  shownVersion,
  signActivation,
  verifyVersion,
} from './signature.ts';
import { findBundle, newestVersion, newestVersionNumber, replaceSignature, versionChannel } from './store.ts';

export interface ActivePolicies {
  readonly version: PolicyVersion;
  readonly loaded: LoadedBundle;
}

export interface ActiveVersion {
  current(): ActivePolicies;
  /** Waits up to `versionWithinMs`. @throws CodedError `policy_behind` */
  atLeast(version: number): Promise<ActivePolicies>;
  /** Reads the newest version now, including one that another node published before this call. */
  refresh(): Promise<void>;
  onChange(listener: (active: ActivePolicies) => void): void;
  /**
   * Calls `follow` after each check for versions, on a notification or every `pollMs`, so that other data that is announced on
   * {@link versionChannel} needs no connection of its own.
   */
  afterLook(follow: () => Promise<void>): void;
  stop(): Promise<void>;
}

/**
 * Follows the newest version in the log. If its bundle or signature is invalid, the node keeps its current version.
 * @throws CodedError `bundle_signature` or `policy_invalid` if there is no valid version to start with
 */
export async function followVersions(dependencies: {
  readonly pool: pg.Pool;
  readonly access: ComponentAccess;
  readonly audit: Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  /** The bundle of the release, which may be the first version. */
  readonly shipped: PolicyBundle;
  readonly logger: Logger;
  readonly pollMs?: number;
  readonly versionWithinMs?: number;
}): Promise<ActiveVersion> {
  const { pool, audit, logger, signer, shipped, versionWithinMs = 2_000 } = dependencies;
  let active: ActivePolicies | undefined;
  let refusedVersion = 0;
  let unsealedVersion = 0;
  const listeners: ((active: ActivePolicies) => void)[] = [];
  const waiting = new Set<() => void>();
  const followers: (() => Promise<void>)[] = [];

  async function look(): Promise<void> {
    const newest = await newestVersionNumber(pool);
    if (active === undefined) return take();
    // The database was restored from a backup. The older version does not come into force again.
    if (newest < active.version.version)
      logger.error(
        { newest, active: active.version.version },
        'the newest policies stored are older than those active',
      );
    // A version whose row was removed before this node read it is still in force.
    const isNewest = await isNewestRecorded(active.version, audit);
    if (newest === active.version.version && isNewest) return keepSealed(active);
    if (newest <= active.version.version && isNewest) return;
    try {
      await take();
    } catch (error) {
      // If the row disappears during the read, the next check restores it.
      if (!['bundle_signature', 'policy_invalid', 'policy_not_loaded'].some((code) => isCodedError(error, code)))
        throw error;
      if (refusedVersion !== newest)
        logger.error(
          { error, version: newest, active: active.version.version },
          'a version of the policies was refused',
        );
      refusedVersion = newest;
    }
  }

  async function newestWithBundle() {
    const { stored, completed } = await newestPublished(pool, { audit, signer, known: [shipped] });
    if (completed)
      logger.warn({ version: stored?.version }, 'a published version of the policies was missing and was stored again');
    const bundle = stored === undefined ? undefined : await findBundle(pool, stored.version);
    return stored === undefined || bundle === undefined ? undefined : { stored, bundle };
  }

  async function take(): Promise<void> {
    // If the row disappears between the two reads, the second attempt restores it.
    const found = (await newestWithBundle()) ?? (await newestWithBundle());
    if (found === undefined)
      throw policyErrors.error('policy_not_loaded', 'No version of the policies has been published.');
    const { stored, bundle } = found;
    const vouched = await verifyVersion(stored, bundle, dependencies);
    // Blocking is acceptable before the first version, when no requests are served.
    const loaded = active === undefined ? loadBundle(bundle) : await loadBundleAside(bundle, 'urgent');
    active = { version: { ...shownVersion(stored), policies: policiesOf(loaded) }, loaded };
    logger.info({ version: stored.version, hash: stored.hash }, 'policies are active');
    if (vouched === 'recorded') await sealAgain(active, stored);
    for (const listener of listeners) listener(active);
    for (const look of waiting) look();
  }

  /** Signs a version again after its key was withdrawn, if the log confirms the version. */
  async function keepSealed(known: ActivePolicies): Promise<void> {
    const { kid } = known.version.signature;
    const keys = await signer.publicKeys('policy-bundle');
    if (keys.some((key) => key.kid === kid)) return;
    const stored = await newestVersion(pool);
    if (stored?.version !== known.version.version || stored.hash !== known.version.hash) return;
    // The holder of a stolen key could have forged a version, and a writer to the database could have changed the approver. Sign
    // only what the log says was activated.
    try {
      await verifyVersion(stored, known.loaded.bundle, dependencies);
    } catch (error) {
      if (!policyErrors.is(error, 'bundle_signature')) throw error;
      if (unsealedVersion !== stored.version)
        logger.error(
          { error, version: stored.version },
          'the key of the active policies was withdrawn, and they could not be signed again',
        );
      unsealedVersion = stored.version;
      return;
    }
    await sealAgain(known, stored);
  }

  async function sealAgain(
    known: ActivePolicies,
    stored: NonNullable<Awaited<ReturnType<typeof newestVersion>>>,
  ): Promise<void> {
    const { activation, signature: lost } = activationOf(stored);
    const keys = await signer.publicKeys('policy-bundle');
    const signature = keys.some(({ kid }) => kid === lost.kid) ? lost : await signActivation(activation, signer);
    if (signature !== lost && (await replaceSignature(pool, stored.version, lost.kid, signature)))
      logger.warn(
        { version: stored.version, kid: signature.kid },
        'policies were signed again because their key was withdrawn',
      );
    active = { ...known, version: { ...known.version, signature } };
  }

  const refresh = oneAtATime(look);

  const freshness = await keepFresh({
    access: dependencies.access,
    channel: versionChannel,
    pollMs: dependencies.pollMs ?? 2_000,
    logger,
    async refresh() {
      await refresh();
      for (const follow of followers) await follow();
    },
  });

  function current(): ActivePolicies {
    if (active === undefined) throw policyErrors.error('policy_not_loaded', 'No policies are active.');
    return active;
  }

  return {
    current,
    refresh,
    async atLeast(version) {
      if (current().version.version >= version) return current();
      const ended = new AbortController();
      let look = (): void => undefined;
      const arrived = new Promise<void>((resolve) => {
        look = () => {
          if (current().version.version >= version) resolve();
        };
      });
      waiting.add(look);
      try {
        const late = sleep(versionWithinMs, undefined, { signal: ended.signal }).catch(() => undefined);
        // The next check reports a failed refresh; here it only means that no version arrived.
        await Promise.race([Promise.all([refresh().catch(() => undefined), arrived]), late]);
      } finally {
        waiting.delete(look);
        ended.abort();
      }
      if (current().version.version >= version) return current();
      throw policyErrors.error(
        'policy_behind',
        `This node uses version ${current().version.version} of the policies and does not have version ${version} yet.`,
      );
    },
    onChange: (listener) => void listeners.push(listener),
    afterLook: (follow) => void followers.push(follow),
    stop: () => freshness.stop(),
  };
}
