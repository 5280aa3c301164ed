import type { Client, Outbound } from '@countersign/contracts';
import { isCodedError, isRecent } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { type ClientKeySet, readKeySet } from './read-key-set.ts';

/** Longest time a fetched key set is used before it is fetched again. */
const freshMs = 10 * 60_000;
/** How often a key set is fetched at most, whoever asks with whatever `kid`. */
const retryMs = 30_000;
/** How long the last key set serves while its address cannot be reached. */
const staleMs = 24 * 3_600_000;
const fetchLimits = { timeoutMs: 3_000, maxBytes: 65_536 };
/** Clients whose key sets are held; past it, the one that was fetched longest ago is forgotten. */
const maxClients = 4_096;

export interface FetchedKeys {
  /** The key set, unless none was fetched from where it is registered now, or it is due to be fetched again. */
  held(client: Client, now: number): ClientKeySet | undefined;
  /** Resolves when the key set was fetched, or could not be, or is not due. Requests at the same time fetch once. */
  refresh(client: Client, now: number): Promise<void>;
}

interface Entry {
  readonly uri: string;
  readonly set?: ClientKeySet;
  /** Which key each `kid` of the client has stood for, at whatever address. */
  readonly pinned: ClientKeySet['pinned'];
  /** When `set` was fetched; -infinity where there is none. */
  readonly fetchedAt: number;
  /** When the last attempt began. */
  readonly triedAt: number;
  readonly running?: Promise<void>;
}

/**
 * Key sets at addresses that clients registered (RFC 7591 `jwks_uri`). A `kid` that is not held fetches anew, since that
 * is how a client rolls its keys over; how often is not the asker's to decide. While the address fails, the last set
 * serves for a day: a client's outage is not ours to make worse, and a withdrawn key is withdrawn in the directory.
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
      // Due again, and not tried a moment ago: saying nothing is held is what has it fetched.
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
