import type { Client, Outbound } from '@countersign/contracts';
import { defined, isCodedError, isRecent } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type ClientKeySet, readKeySet } from './read-key-set.ts';

/** A fetched key set is used this long. */
const freshMs = 10 * 60_000;
/** Minimum interval between fetches. */
const retryMs = 30_000;
/** While the address is unreachable. */
const staleMs = 24 * 3_600_000;
const fetchLimits = { timeoutMs: 3_000, maxBytes: 65_536 };
const maxClients = 4_096;

export interface FetchedKeys {
  /** Undefined if a fetch is due. */
  held(client: Client, now: number): ClientKeySet | undefined;
  /** Concurrent requests share one fetch. Never throws. */
  refresh(client: Client, now: number): Promise<void>;
}

interface Entry {
  readonly uri: string;
  readonly set?: ClientKeySet;
  /** By `kid`, at any address. */
  readonly pinned: ClientKeySet['pinned'];
  /** Of `set`; -infinity if there is none. */
  readonly fetchedAt: number;
  readonly triedAt: number;
  readonly running?: Promise<void>;
}

/**
 * Key sets at addresses that clients registered (RFC 7591 `jwks_uri`). An unknown `kid` causes a fetch, at a limited rate. While
 * the address fails, the last set is used for a day.
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
    const fetchedAt = before?.fetchedAt ?? Number.NEGATIVE_INFINITY;
    const kept = { uri, pinned, ...defined({ set: before?.set }), fetchedAt, triedAt: now };
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
      // Returning no set causes a fetch.
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
      const pinned = entries.get(client.id)?.pinned ?? new Map<string, string>();
      const fetchedAt = entry?.fetchedAt ?? Number.NEGATIVE_INFINITY;
      keep(client, { uri, pinned, ...defined({ set: entry?.set }), fetchedAt, triedAt: now, running });
      return running;
    },
  };
}
