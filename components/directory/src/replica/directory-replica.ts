import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AuditAppender,
  createContradictionReport,
  type Directory,
  type DirectorySnapshot,
  directoryErrors,
  type StandingReader,
  standingErrors,
} from '@countersign/contracts';
import type { Clock, CodedError, Random } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import { type Entry, entryKey } from '../entry.ts';
import { readLog } from '../proofs.ts';
import { readSeed } from '../seed.ts';
import { inOneOrder, readDocument, type State, stateOf } from '../state.ts';
import { directoryThing, type StoredContents } from '../stored-contents.ts';
import { type Copy, readCopy } from './copy.ts';

export interface DirectoryReplicaDependencies {
  /** The owning process. What it streams is verified. */
  readonly source: Pick<Directory, 'changesSince' | 'plan' | 'edit' | 'clientDocument'>;
  /** Streamed states count only once this log confirms them (docs/adr/0043). */
  readonly log: AuditAppender & StandingReader;
  readonly seed?: unknown;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How long a version counts without confirmation. 5 s by default. */
  readonly maxAgeMs?: number;
  readonly waitMs?: number;
  readonly startWithinMs?: number;
}

export interface DirectoryReplica
  extends Pick<Directory, 'snapshot' | 'snapshotAtLeast' | 'plan' | 'edit' | 'clientDocument'> {
  stop(): Promise<void>;
}

const longPollMs = 1_000;
const retryMs = 100;
/** How often the log is queried about a state before the owner is queried again. */
const asksOfOneState = 10;

/**
 * Adopts only states that the audit log proves. `snapshot()` throws `directory_behind` once its version is unconfirmed
 * for `maxAgeMs`, and `authority_unproven` if the owner streams something that contradicts the log.
 *
 * @throws CodedError of `directoryErrors` for an invalid seed; the last error of the owner or the log if no proven
 * state was available in time
 */
export async function createDirectoryReplica(dependencies: DirectoryReplicaDependencies): Promise<DirectoryReplica> {
  const { source, log, logger, maxAgeMs = 5_000, waitMs = 3_000, startWithinMs = 30_000 } = dependencies;
  const keys = createKeyCache({ maxKeys: 65_536 });
  const seed = readSeed(dependencies.seed ?? {}, keys);
  const report = createContradictionReport({ ...dependencies, source: 'directory' });
  const stopping = new AbortController();
  const stopped = new Promise<undefined>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  );

  let state: State | undefined;
  let confirmedAt = Number.NEGATIVE_INFINITY;
  let logAnswers = true;
  /** No snapshot is older than a change made through this replica. */
  let atLeast = 0;
  /** The newest streamed state that is not proven. */
  let unproven: { readonly contents: StoredContents; readonly since: number } | undefined;
  let doubt: CodedError | undefined;

  function confirm(askedAt: number): void {
    confirmedAt = Math.max(confirmedAt, askedAt);
  }

  async function confirmByLog(): Promise<void> {
    const askedAt = performance.now();
    try {
      const said = await readLog(log);
      logAnswers = true;
      if (state !== undefined && said.proofOf(state.contents) === 'committed') confirm(askedAt);
    } catch (error) {
      logAnswers = false;
      throw error;
    }
  }

  /** The record of the commit follows a change at once. */
  async function isProven({ contents }: Copy): Promise<boolean> {
    for (let ask = 0; ask < asksOfOneState && !stopping.signal.aborted; ask++) {
      const askedAt = performance.now();
      const proof = (await readLog(log)).proofOf(contents);
      if (proof === 'committed') {
        confirm(askedAt);
        return true;
      }
      // Between its two records it is no contradiction.
      if (proof === 'pending') unproven = undefined;
      else await contradict(contents);
      await sleep(retryMs);
    }
    return false;
  }

  /** An owner that is merely behind will catch up; a lasting difference is reported. */
  async function contradict(contents: StoredContents): Promise<void> {
    const now = performance.now();
    if (unproven?.contents.digest !== contents.digest) unproven = { contents, since: now };
    if (now - unproven.since < maxAgeMs) return;
    doubt = standingErrors.error(
      'authority_unproven',
      `Version ${contents.version} of the directory, as another process has streamed it, differs from the newest record of the ` +
        'audit log about it. Nothing is decided by it: look at the process of the directory, and for records of type ' +
        'row.rejected.',
    );
    logger.error({ version: contents.version }, 'the streamed directory contradicts the audit log');
    await report(directoryThing, contents.digest, (await log.standings([directoryThing])).get(directoryThing));
  }

  function stateFrom({ contents, streamed, keyTimes }: Copy): State {
    const entries = new Map<string, Entry>();
    for (const key of contents.documents.keys()) {
      const entity = streamed.get(key);
      const entry =
        entity === undefined ? state?.stored.get(key) : readDocument(entity.kind, entity.id, entity.document, keys);
      if (entry === undefined) throw new Error(`an entity of the directory was not streamed: ${key}`);
      entries.set(entryKey(entry), entry);
    }
    return stateOf({ seed, stored: inOneOrder(entries), contents, keyTimes });
  }

  async function follow(): Promise<void> {
    const askedAt = performance.now();
    const copy = await Promise.race([readCopy(source, state, longPollMs), stopped]);
    if (copy === undefined) {
      // Without the log nothing new is adopted. Until it responds, the owner's confirmation keeps the proven state valid.
      if (!logAnswers) confirm(askedAt);
      return;
    }
    if (!(await isProven(copy))) return;
    state = stateFrom(copy);
    unproven = undefined;
    doubt = undefined;
  }

  /** One poll after another, with a pause if the owner did not wait for a change. */
  async function keepGoing(what: string, everyMs: number, step: () => Promise<void>): Promise<void> {
    let isFailing = false;
    while (!stopping.signal.aborted) {
      const began = performance.now();
      try {
        await step();
        isFailing = false;
      } catch (error) {
        // Log the first failure only; the retry is immediate.
        if (!isFailing) logger.warn({ error }, what);
        isFailing = true;
      }
      const pause = everyMs - (performance.now() - began);
      if (pause > 0) await Promise.race([sleep(pause, undefined, { ref: false }), stopped]);
    }
  }

  const deadline = performance.now() + startWithinMs;
  for (;;) {
    let failure: unknown;
    try {
      await follow();
    } catch (error) {
      failure = error;
    }
    if (state !== undefined) break;
    if (doubt !== undefined) throw doubt;
    if (performance.now() >= deadline) throw failure ?? behind(undefined);
    await sleep(retryMs);
  }
  const following = [
    keepGoing('the directory could not be followed', retryMs, follow),
    keepGoing('the audit log could not be asked about the directory', Math.min(1_000, maxAgeMs / 4), confirmByLog),
  ];

  function behind(version: number | undefined): CodedError {
    return directoryErrors.error(
      'directory_behind',
      version === undefined
        ? 'The directory has not been confirmed for some seconds, so nothing is decided by it. Look at the process of the directory ' +
            'and at the audit log.'
        : `The directory is at version ${state?.version ?? 0} here; version ${version} was asked for.`,
    );
  }

  function current(): State {
    if (state === undefined || performance.now() - confirmedAt > maxAgeMs) throw doubt ?? behind(undefined);
    if (state.version < atLeast) throw behind(atLeast);
    return state;
  }

  async function snapshotAtLeast(version: number): Promise<DirectorySnapshot> {
    const until = performance.now() + waitMs;
    for (;;) {
      try {
        const { snapshot } = current();
        if (snapshot.version >= version) return snapshot;
        if (performance.now() >= until) throw behind(version);
      } catch (error) {
        if (performance.now() >= until) throw error;
      }
      await sleep(20);
    }
  }

  return {
    snapshot: () => current().snapshot,
    snapshotAtLeast,
    plan: (file, options) => source.plan(file, options),
    clientDocument: (id) => source.clientDocument(id),
    async edit(edit, by, options) {
      const made = await source.edit(edit, by, options);
      atLeast = Math.max(atLeast, made.version);
      // The change has been made. If this replica cannot read it yet, look-ups refuse until it can.
      await snapshotAtLeast(made.version).catch((error: unknown) =>
        logger.warn({ error, version: made.version }, 'a change of the directory cannot be read yet'),
      );
      return made;
    },
    async stop() {
      stopping.abort();
      await Promise.all(following);
    },
  };
}
