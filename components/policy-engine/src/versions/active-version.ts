import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditLog, type PolicyBundle, type PolicyVersion, policyErrors } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { type ComponentAccess, keepFresh, type Logger } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { type LoadedBundle, loadBundle } from '../bundle/load-bundle.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import { isNewestRecorded, newestPublished } from './recorded-version.ts';
import { type PolicySigner, signActivation } from './signature.ts';
import { findBundle, newestVersion, newestVersionNumber, replaceSignature, versionChannel } from './store.ts';
import { verifyVersion } from './verify-version.ts';
import { activationOf, policiesOf, shownVersion } from './version-rows.ts';

/** What this node decides by. */
export interface ActivePolicies {
  readonly version: PolicyVersion;
  readonly loaded: LoadedBundle;
}

export interface ActiveVersion {
  current(): ActivePolicies;
  /**
   * The active version when it is at least this one, waiting for it (`versionWithinMs`).
   *
   * @throws CodedError `policy_behind`
   */
  atLeast(version: number): Promise<ActivePolicies>;
  /** Looks now; what another node has published before this call is taken when it resolves, if it can be. */
  refresh(): Promise<void>;
  /** Called with each version that is taken from now on. */
  onChange(listener: (active: ActivePolicies) => void): void;
  /**
   * Called after each look for versions, announced or every `pollMs`: what else changes with a notification on
   * {@link versionChannel} needs no connection of its own.
   */
  afterLook(follow: () => Promise<void>): void;
  stop(): Promise<void>;
}

/**
 * Follows the newest version: the one that was published last by its record. One whose bundle or signature is not right is
 * not taken: the node keeps what it had.
 *
 * @throws CodedError `bundle_signature` or `policy_invalid` when there is nothing that this node could begin with
 */
export async function followVersions(dependencies: {
  readonly pool: pg.Pool;
  readonly access: ComponentAccess;
  readonly audit: Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  /** The bundle of the release, which may have been published first. */
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
    // An older one is a database that was put back: what was in force before is not in force again.
    if (newest < active.version.version)
      logger.error(
        { newest, active: active.version.version },
        'the newest policies stored are older than those active',
      );
    // One that was taken out before it was seen here is in force all the same.
    const isNewest = await isNewestRecorded(active.version, audit);
    if (newest === active.version.version && isNewest) return keepSealed(active);
    if (newest <= active.version.version && isNewest) return;
    try {
      await take();
    } catch (error) {
      // One whose row goes while it is read is stored again, and taken, at the next look.
      if (!['bundle_signature', 'policy_invalid', 'policy_not_loaded'].some((code) => isCodedError(error, code)))
        throw error;
      if (refusedVersion !== newest)
        logger.error({ error, version: newest, active: active.version.version }, 'policies were not taken');
      refusedVersion = newest;
    }
  }

  async function newestWithBundle() {
    const { stored, completed } = await newestPublished(pool, { audit, signer, known: [shipped] });
    if (completed)
      logger.warn({ version: stored?.version }, 'policies that were published were missing, and are stored again');
    const bundle = stored === undefined ? undefined : await findBundle(pool, stored.version);
    return stored === undefined || bundle === undefined ? undefined : { stored, bundle };
  }

  async function take(): Promise<void> {
    // A row that is taken out between the two reads is stored again by the second look.
    const found = (await newestWithBundle()) ?? (await newestWithBundle());
    if (found === undefined)
      throw policyErrors.error('policy_not_loaded', 'No version of the policies has been published.');
    const { stored, bundle } = found;
    const vouched = await verifyVersion(stored, bundle, dependencies);
    // Before the first one there is nobody to keep waiting.
    const loaded = active === undefined ? loadBundle(bundle) : await loadBundleAside(bundle, 'urgent');
    active = { version: { ...shownVersion(stored), policies: policiesOf(loaded) }, loaded };
    logger.info({ version: stored.version, hash: stored.hash }, 'policies are active');
    if (vouched === 'recorded') await sealAgain(active, stored);
    for (const listener of listeners) listener(active);
    for (const look of waiting) look();
  }

  /** A withdrawn key verifies nothing: what it had signed is signed again, if the log knows of it. */
  async function keepSealed(known: ActivePolicies): Promise<void> {
    const { kid } = known.version.signature;
    const keys = await signer.publicKeys('policy-bundle');
    if (keys.some((key) => key.kid === kid)) return;
    const stored = await newestVersion(pool);
    if (stored?.version !== known.version.version || stored.hash !== known.version.hash) return;
    // Who has the key that was withdrawn could have had this node take a version of their own, and who can write to the
    // database could have changed who approved it: the log says what was activated, and nothing else is signed.
    try {
      await verifyVersion(stored, known.loaded.bundle, dependencies);
    } catch (error) {
      if (!policyErrors.is(error, 'bundle_signature')) throw error;
      if (unsealedVersion !== stored.version)
        logger.error(
          { error, version: stored.version },
          'the key of the active policies is gone, and they are not signed again',
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
    // Another node may have done it.
    const signature = keys.some(({ kid }) => kid === lost.kid) ? lost : await signActivation(activation, signer);
    if (signature !== lost && (await replaceSignature(pool, stored.version, lost.kid, signature)))
      logger.warn({ version: stored.version, kid: signature.kid }, 'policies were signed again, their key is gone');
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
        // What goes wrong while looking is the next look's to say; here it only means that nothing came.
        await Promise.race([Promise.all([refresh().catch(() => undefined), arrived]), late]);
      } finally {
        waiting.delete(look);
        ended.abort();
      }
      if (current().version.version >= version) return current();
      throw policyErrors.error(
        'policy_behind',
        `This node decides by version ${current().version.version} of the policies and has seen no version ${version}.`,
      );
    },
    onChange: (listener) => void listeners.push(listener),
    afterLook: (follow) => void followers.push(follow),
    stop: () => freshness.stop(),
  };
}
