import type { Client, Outbound } from '@countersign/contracts';
import { isCodedError, isRecent } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type ClientKeySet, readKeySet } from './read-key-set.ts';

/** Longest time a fetched key set is used before it is fetched again. */
const freshMs = 10 * 60_000;
/** Minimum interval between fetches of a key set, regardless of caller and `kid`. */
const retryMs = 30_000;
/** How long the last key set is used while its address is unreachable. */
const staleMs = 24 * 3_600_000;
const fetchLimits = { timeoutMs: 3_000, maxBytes: 65_536 };
/** Maximum number of cached key sets; beyond it, the one fetched longest ago is removed. */
const maxClients = 4_096;

export interface FetchedKeys {
  /** The key set; undefined if none was fetched from the registered address or a fetch is due. */
  held(client: Client, now: number): ClientKeySet | undefined;
  /** Resolves when the key set was fetched, could not be fetched, or is not due. Concurrent requests share one fetch. */
  refresh(client: Client, now: number): Promise<void>;
}

interface Entry {
  readonly uri: string;
  readonly set?: ClientKeySet;
  /** The key that each `kid` of the client has identified, at any address. */
  readonly pinned: ClientKeySet['pinned'];
  /** When `set` was fetched; -infinity where there is none. */
  readonly fetchedAt: number;
  /** When the last attempt began. */
  readonly triedAt: number;
  readonly running?: Promise<void>;
}

/**
 * Key sets at addresses that clients registered (RFC 7591 `jwks_uri`). An unknown `kid` causes a fetch, since clients rotate
 * keys this way, but callers cannot raise the fetch rate. While the address fails, the last set is used for a day: an outage
 * should not become ours, and a key is withdrawn through the directory.
 */
export function createFetchedKeys({
  outbound,
  logger,
}: {
  readonly outbound: Pick<Outbound, 'getJson'>;
  readonly logger: Logger;
}): FetchedKeys {
  const entries = new Map<string, Entry>();

  function entryOf({ id, jwksUri }: Client): Entry | undefined {
    const entry = entries.get(id);
    return entry?.uri === jwksUri ? entry : undefined;
  }

  function keep(client: Client, entry: Entry): void {
    const [oldest] = entries.keys();
    entries.delete(client.id);
    if (entries.size >= maxClients && oldest !== undefined) entries.delete(oldest);
    entries.set(client.id, entry);
  }

  async function load(client: Client, uri: string, before: Entry | undefined, now: number): Promise<void> {
    const pinned = entries.get(client.id)?.pinned ?? new Map<string, string>();
    const kept = {
      uri,
      pinned,
      ...(before?.set === undefined ? {} : { set: before.set }),
      fetchedAt: before?.fetchedAt ?? Number.NEGATIVE_INFINITY,
      triedAt: now,
    };
    try {
      const document = await outbound.getJson(uri, fetchLimits);
      const set = readKeySet(document, pinned, (skipped) =>
        logger.warn({ client: client.id, ...skipped }, 'a key of a fetched client key set is not used'),
      );
      keep(client, { uri, set, pinned: set.pinned, fetchedAt: now, triedAt: now });
    } catch (error) {
      if (!isCodedError(error)) throw error;
      logger.warn({ client: client.id, code: error.code }, 'the key set of a client could not be fetched');
      keep(client, kept);
    }
  }

  return {
    held(client, now) {
      const entry = entryOf(client);
      if (entry?.set === undefined) return undefined;
      // Due again and not tried recently: returning no set causes a fetch.
      const due = !isRecent(entry.fetchedAt, freshMs, now) && !isRecent(entry.triedAt, retryMs, now);
      return due || !isRecent(entry.fetchedAt, staleMs, now) ? undefined : entry.set;
    },
    async refresh(client, now) {
      const uri = client.jwksUri;
      if (uri === undefined) return;
      const entry = entryOf(client);
      if (entry?.running !== undefined) return entry.running;
      if (entry !== undefined && isRecent(entry.triedAt, retryMs, now)) return;
      const running = load(client, uri, entry, now);
      keep(client, {
        uri,
        pinned: entries.get(client.id)?.pinned ?? new Map(),
        ...(entry?.set === undefined ? {} : { set: entry.set }),
        fetchedAt: entry?.fetchedAt ?? Number.NEGATIVE_INFINITY,
        triedAt: now,
        running,
      });
      return running;
    },
  };
}
