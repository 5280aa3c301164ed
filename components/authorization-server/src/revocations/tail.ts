import type { AuditLog } from '@countersign/contracts';
import { type Clock, epochSeconds } from '@countersign/kernel';
import { maxAccessTokenLifetimeSeconds } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import { createRounds } from '@countersign/runtime';
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
  /** Everything up to this position has been applied or has lost its effect. */
  readonly onRead: (index: bigint) => void;
  readonly elapsedMs: () => number;
  /** At the end of the log; `startedAt` by `elapsedMs`. */
  readonly onCaughtUp: (startedAt: number) => void;
}

/**
 * Follows the log from where all older records have lost their effect.
 *
 * @throws any error of the first reading: a node that does not know what has ended must not serve requests
 */
export async function followLog(dependencies: TailDependencies): Promise<{
  /** Applies everything that was in the log before the call. */
  readOn(): Promise<void>;
  stop(): Promise<void>;
}> {
  const { log, store, clock, logger, elapsedMs } = dependencies;
  let position = await store.position();
  dependencies.onRead(position);
  let keptAt = elapsedMs();
  /** With effect, in the order of the log. */
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

  await readToEnd();
  const rounds = createRounds({
    what: 'revocations',
    logger,
    everyMs: dependencies.pollMs,
    work: readToEnd,
  });
  // `run` waits for a reading in progress, which may have queried the log before the call, and reads again.
  return { readOn: rounds.run, stop: rounds.stop };
}
