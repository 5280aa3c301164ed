import type { AuditLog, LogEntry, Mandate } from '@countersign/contracts';
import { type Clock, type MandateId, parseId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { type ComponentAccess, type Logger, listen } from '@countersign/runtime';
import { type MandateView, viewOf } from './held-mandates.ts';
import { steps } from './life-cycle.ts';
import { type Change, createMandateMemory } from './mandate-memory.ts';
import { changesChannel } from './store/unit.ts';
import type { ViewStore } from './store/view-store.ts';

interface LiveView {
  /** What memory holds: never the whole. */
  readonly memory: MandateView;
  /** This node has committed a version: memory holds nothing older from now on. */
  committed(mandate: Mandate): void;
  /**
   * Reads, by one query, everything that an answer about this mandate for this institution rests on, and keeps it.
   *
   * @throws CodedError `database_unavailable`
   */
  load(id: MandateId, holder: Lei): Promise<MandateView>;
  /**
   * Resolves at once while memory has followed the database lately, and reads the changes otherwise: a node that
   * hears nothing from its database must not go on answering from what it once knew.
   *
   * @throws CodedError `database_unavailable`
   */
  fresh(): Promise<void> | undefined;
  /** Mandates that are held in memory. */
  size(): number;
  stop(): Promise<void>;
}

interface LiveViewOptions {
  readonly store: ViewStore;
  /** Followed for new versions: each is in it before it is anywhere else, and nobody takes it out. */
  readonly log: Pick<AuditLog, 'search' | 'newest'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly access: ComponentAccess;
  readonly pollEveryMs?: number;
  /** How old memory may be while answers are given from it. */
  readonly staleAfterMs?: number;
  /** Mandates that memory keeps, at least while they are used; at most twice as many. */
  readonly remembered?: number;
}

/** What one institution holds below one mandate is looked through up to here: who holds more names the one it means. */
const mostHeldBelow = 256;

/** Records of new versions. */
const versionRecords = [...new Set(['mandate.proposed' as const, ...Object.values(steps).map(({ record }) => record)])];
const pageSize = 1_000;
/** More changes between two looks than these, and it is cheaper to forget everything. */
const mostPages = 5;

/**
 * The mandates that are asked about, in memory: read when they are first needed, and forgotten when the log has a newer
 * version of them, which is looked for when notifications tell, and by polling in case one is lost.
 */
export async function openLiveView(options: LiveViewOptions): Promise<LiveView> {
  const { store, log, clock, logger, access, pollEveryMs = 1000, staleAfterMs = 5000, remembered = 20_000 } = options;
  const memory = createMandateMemory(remembered);
  let position = -1n;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let again: Promise<void> | undefined;

  async function read(): Promise<void> {
    // The time before the query: what was recorded while it ran may not be in its answer.
    const at = clock.now();
    for (let pages = 1; ; pages++) {
      const page = await log.search({ types: versionRecords, after: position, limit: pageSize, withheld: true });
      const changes = page.map(changeIn);
      const isRead = (change: Change | undefined): change is Change => change !== undefined;
      if (!changes.every(isRead) || (pages === mostPages && page.length === pageSize)) {
        // The place first: what is read from now on is at least as new.
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

  /** A read that began before the call may miss what the caller knows of, so it waits for one that begins after. */
  function refresh(): Promise<void> {
    if (reading !== undefined) {
      again ??= reading
        .catch(() => undefined)
        .then(() => {
          again = undefined;
          return refresh();
        });
      return again;
    }
    reading = read().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  const refreshInBackground = (): void => {
    refresh().catch((error: unknown) => logger.warn({ error }, 'changes of mandates could not be read'));
  };

  // Subscribed first, read second: nothing falls between the two.
  const subscription = await listen({
    ...access,
    channel: changesChannel,
    onNotify: refreshInBackground,
    onReconnect: refreshInBackground,
    onError: (error) => logger.warn({ error }, 'the subscription to mandate changes broke'),
  });
  try {
    position = await log.newest(versionRecords);
    await refresh();
  } catch (error) {
    await subscription.close();
    throw error;
  }
  const timer = setInterval(refreshInBackground, pollEveryMs);
  timer.unref();

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
      // A clock that was put back tells nothing of how old memory is.
      return age >= 0 && age <= staleAfterMs ? undefined : refresh();
    },
    size: () => memory.size,
    async stop() {
      clearInterval(timer);
      await subscription.close();
      await reading?.catch(() => undefined);
    },
  };
}

/** What a record says has changed; undefined where it cannot be read from it. */
function changeIn({ record: { mandate, data } }: LogEntry): Change | undefined {
  const id = parseId('mandate', mandate?.id);
  if (id === undefined || typeof data !== 'object' || data === null || !('mandate' in data)) return undefined;
  const { grantee, parent } = data.mandate as unknown as Partial<Mandate>;
  return mandate?.version === undefined || grantee === undefined
    ? undefined
    : { id, version: mandate.version, grantee: grantee.lei, cut: parent !== undefined };
}
