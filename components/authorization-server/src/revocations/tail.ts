import type { AuditLog } from '@countersign/contracts';
import { type Clock, epochSeconds } from '@countersign/kernel';
import { maxAccessTokenLifetimeSeconds } from '@countersign/oauth';
import { createRounds, type Logger } from '@countersign/runtime';
import { type EntrySources, endingRecordTypes, entriesOfRecord } from './entries-of-record.ts';
import { type EndedEntry, keptAtLeastMs, lastNeededSeconds } from './live-entries.ts';
import type { createTailStore } from './store.ts';

const pageSize = 1_000;
const keepPositionEveryMs = 30_000;

export interface TailDependencies extends EntrySources {
  readonly log: Pick<AuditLog, 'search'>;
  readonly store: ReturnType<typeof createTailStore>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pollMs: number;
  readonly apply: (entry: EndedEntry) => void;
  /** Everything up to this position in the log has been applied or can no longer end anything. */
  readonly onRead: (index: bigint) => void;
  readonly elapsedMs: () => number;
  /** Called when the log has been read to its end; `startedAt` is when that reading started, by `elapsedMs`. */
  readonly onCaughtUp: (startedAt: number) => void;
}

/**
 * Follows the log for records that end something. It starts where all older records have lost their effect, so a starting
 * node reads only the last minutes.
 *
 * @throws any error of the first reading: a node that does not know what has ended must not serve requests
 */
export async function followLog(dependencies: TailDependencies): Promise<{
  /** Resolves when everything that was in the log before the call has been applied. */
  readOn(): Promise<void>;
  stop(): Promise<void>;
}> {
  const { log, store, clock, logger, elapsedMs } = dependencies;
  let position = await store.position();
  dependencies.onRead(position);
  let keptAt = elapsedMs();
  /** Records that may still end something, in the order of the log. */
  let recent: { readonly index: bigint; readonly neededUntil: number; readonly readAt: number }[] = [];

  async function readToEnd(): Promise<void> {
    const startedAt = elapsedMs();
    for (;;) {
      const page = await log.search({ types: endingRecordTypes, after: position, limit: pageSize, withheld: true });
      for (const { index, record } of page) {
        for (const entry of await entriesOfRecord(record, dependencies)) dependencies.apply(entry);
        const before = epochSeconds(Date.parse(record.time)) + maxAccessTokenLifetimeSeconds;
        recent.push({ index, neededUntil: lastNeededSeconds({ before }), readAt: startedAt });
        position = index;
        dependencies.onRead(index);
      }
      if (page.length < pageSize) break;
    }
    dependencies.onCaughtUp(startedAt);
    if (elapsedMs() - keptAt >= keepPositionEveryMs) await keepPosition();
  }

  async function keepPosition(): Promise<void> {
    keptAt = elapsedMs();
    const now = epochSeconds(clock.now());
    const firstNeeded = recent.findIndex(
      ({ neededUntil, readAt }) => neededUntil >= now || keptAt - readAt < keptAtLeastMs,
    );
    const spent = firstNeeded === -1 ? recent.at(-1) : recent[firstNeeded - 1];
    recent = firstNeeded === -1 ? [] : recent.slice(firstNeeded);
    if (spent !== undefined) await store.advance(spent.index);
  }

  const rounds = createRounds({
    what: 'following the log for revocations',
    work: readToEnd,
    logger,
    everyMs: dependencies.pollMs,
  });
  try {
    await rounds.run();
  } catch (error) {
    await rounds.stop();
    throw error;
  }
  return { readOn: async () => rounds.run(), stop: () => rounds.stop() };
}
