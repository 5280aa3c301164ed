import type { AuditLog, LogEntry, Mandate } from '@countersign/contracts';
import { type Clock, type MandateId, parseId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { type ComponentAccess, createRounds, type Logger, listen } from '@countersign/runtime';
import { type MandateView, viewOf } from './held-mandates.ts';
import { steps } from './life-cycle.ts';
import { type Change, createMandateMemory } from './mandate-memory.ts';
import { changesChannel } from './store/unit.ts';
import type { ViewStore } from './store/view-store.ts';

interface LiveView {
  /** The mandates in memory; never complete. */
  readonly memory: MandateView;
  /** Call after committing a version on this node, so that memory forgets older ones. */
  committed(mandate: Mandate): void;
  /**
   * Reads everything that an answer about this mandate and institution needs, with one query, and keeps it in memory.
   * @throws CodedError `database_unavailable`
   */
  load(id: MandateId, holder: Lei): Promise<MandateView>;
  /**
   * Returns undefined while memory is recent; otherwise reads the changes, so that a node without database contact does not
   * answer from stale memory.
   * @throws CodedError `database_unavailable`
   */
  fresh(): Promise<void> | undefined;
  size(): number;
  stop(): Promise<void>;
}

interface LiveViewOptions {
  readonly store: ViewStore;
  /** Followed for new versions, because every version is recorded there first. */
  readonly log: Pick<AuditLog, 'search' | 'newest'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly access: ComponentAccess;
  readonly pollEveryMs?: number;
  /** Maximum age of memory for answers. */
  readonly staleAfterMs?: number;
  /** Mandates kept in memory while in use; at most twice as many. */
  readonly remembered?: number;
}

/** Sub-mandates searched per mandate and institution; an institution with more must name the one it uses. */
const mostHeldBelow = 256;

const versionRecords = [...new Set(['mandate.proposed' as const, ...Object.values(steps).map(({ record }) => record)])];
const pageSize = 1_000;
/** With more changes than this, forgetting everything is cheaper. */
const mostPages = 5;

/**
 * Keeps used mandates in memory: read on first use, and forgotten when the log has a newer version. Changes are found by
 * notification, and by polling in case a notification is lost.
 */
export async function openLiveView(options: LiveViewOptions): Promise<LiveView> {
  const { store, log, clock, logger, access, pollEveryMs = 1000, staleAfterMs = 5000, remembered = 20_000 } = options;
  const memory = createMandateMemory(remembered);
  let position = -1n;
  let readAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<void> {
    // The time before the query, because its result may miss later records.
    const at = clock.now();
    for (let pages = 1; ; pages++) {
      const page = await log.search({ types: versionRecords, after: position, limit: pageSize, withheld: true });
      const changes = page.map(changeIn);
      const isRead = (change: Change | undefined): change is Change => change !== undefined;
      if (!changes.every(isRead) || (pages === mostPages && page.length === pageSize)) {
        // Read the position before forgetting, so that later reads are at least as new.
        position = await log.newest(versionRecords);
        memory.forgetAll();
        break;
      }
      memory.changed(changes);
      position = page.at(-1)?.index ?? position;
      if (page.length < pageSize) break;
    }
    readAt = at;
  }

  const rounds = createRounds({ what: 'reading of mandate changes', work: read, logger, everyMs: pollEveryMs });
  // Subscribe before reading, so that no change is missed.
  const subscription = await listen({
    ...access,
    channel: changesChannel,
    onNotify: rounds.hurry,
    onReconnect: rounds.hurry,
    onError: (error) => logger.warn({ error }, 'the subscription to mandate changes broke'),
  });
  try {
    position = await log.newest(versionRecords);
    await rounds.run();
  } catch (error) {
    await Promise.all([subscription.close(), rounds.stop()]);
    throw error;
  }

  return {
    memory,
    committed: ({ id, version, grantee, parent }) =>
      memory.changed([{ id, version, grantee: grantee.lei, cut: parent !== undefined }]),
    async load(id, holder) {
      const loading = memory.loading(id, holder);
      try {
        const loaded = await store.lines(id, holder, mostHeldBelow);
        loading.done(loaded);
        return viewOf(loaded.mandates, loaded.below);
      } catch (error) {
        loading.abandoned();
        throw error;
      }
    },
    fresh() {
      const age = clock.now() - readAt;
      // If the clock was set back, the age is unknown.
      return age >= 0 && age <= staleAfterMs ? undefined : rounds.run();
    },
    size: () => memory.size,
    async stop() {
      await subscription.close();
      await rounds.stop();
    },
  };
}

/** The change in a record; undefined if it cannot be read. */
function changeIn({ record: { mandate, data } }: LogEntry): Change | undefined {
  const id = parseId('mandate', mandate?.id);
  if (id === undefined || typeof data !== 'object' || data === null || !('mandate' in data)) return undefined;
  // A record that this component wrote.
  const { grantee, parent } = data.mandate as unknown as Partial<Mandate>;
  return mandate?.version === undefined || grantee === undefined
    ? undefined
    : { id, version: mandate.version, grantee: grantee.lei, cut: parent !== undefined };
}
