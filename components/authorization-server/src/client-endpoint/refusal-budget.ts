import type { Directory } from '@countersign/contracts';
import { decodeBase64Url, parseJson } from '@countersign/kernel';
import { maxJwsLength } from '@countersign/oauth';
import { networkOf } from '@countersign/runtime';
import { refuse } from '../refusal.ts';
import type { Credentials } from './authenticate-client.ts';

/** Limits failed authentications per claimed client and address. Each failure writes a record; beyond the budget none is written. */
export interface RefusalBudget {
  /** @param now milliseconds since the epoch */
  allows(address: string | undefined, client: string | undefined, now: number): boolean;
  /** @param client undefined when the claimed client does not exist */
  spend(address: string | undefined, client: string | undefined, now: number): void;
}

export interface RefusalBudgetLimits {
  /** Failures allowed within a minute. Default 60. */
  readonly failuresPerMinute?: number;
  /** Pairs of address and client; the oldest are forgotten first. Default 10,000. */
  readonly maxEntries?: number;
}

const windowMs = 60_000;

/** Failures in this window and in the previous one. */
interface Count {
  window: number;
  current: number;
  previous: number;
}

/** A sliding window of two counters per pair. All unknown client names share one pair, so that invented names do not bypass it. */
export function createRefusalBudget(limits: RefusalBudgetLimits = {}): RefusalBudget {
  const { failuresPerMinute = 60, maxEntries = 10_000 } = limits;
  const counts = new Map<string, Map<string, Count>>();
  let entries = 0;

  function at(count: Count, now: number): Count {
    const window = Math.floor(now / windowMs);
    if (window !== count.window) {
      count.previous = window === count.window + 1 ? count.current : 0;
      count.current = 0;
      count.window = window;
    }
    return count;
  }

  function forgetOldest(): void {
    const [oldest] = counts;
    if (oldest === undefined) return;
    const [address, clients] = oldest;
    entries -= clients.size;
    counts.delete(address);
  }

  return {
    allows(address, client, now) {
      const clients = counts.get(networkOf(address));
      if (clients === undefined) return true;
      const count = clients.get(client ?? '');
      if (count === undefined) return true;
      const { current, previous } = at(count, now);
      const stillCounts = 1 - (now % windowMs) / windowMs;
      return current + previous * stillCounts < failuresPerMinute;
    },
    spend(address, client, now) {
      const network = networkOf(address);
      const count = counts.get(network)?.get(client ?? '');
      if (count !== undefined) {
        at(count, now).current += 1;
        return;
      }
      if (entries >= maxEntries) forgetOldest();
      const clients = counts.get(network) ?? new Map<string, Count>();
      clients.set(client ?? '', { window: Math.floor(now / windowMs), current: 1, previous: 0 });
      counts.set(network, clients);
      entries += 1;
    },
  };
}

/** @throws CodedError `too_many_requests`, which is not recorded */
export function requireBudget(
  address: string | undefined,
  client: string | undefined,
  by: { readonly refusals: RefusalBudget; readonly now: number },
): void {
  if (!by.refusals.allows(address, client, by.now))
    throw refuse('authentication_failures', 'Too many failed authentications. Try again in a minute.');
}

/** If it exists. */
export function claimedClient(credentials: Credentials, directory: Pick<Directory, 'snapshot'>): string | undefined {
  const claimed = credentials.kind === 'assertion' ? issuerOf(credentials.assertion) : credentials.clientId;
  return claimed === undefined ? undefined : directory.snapshot().client(claimed)?.id;
}

/** The unverified `iss` of an assertion: only for counting. */
function issuerOf(assertion: string): string | undefined {
  if (assertion.length > maxJwsLength) return undefined;
  const bytes = decodeBase64Url(assertion.split('.', 2)[1] ?? '');
  const parsed = bytes === undefined ? undefined : parseJson(bytes.toString('utf8'));
  if (parsed?.ok !== true || typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value))
    return undefined;
  // Unverified; only its type is checked below.
  const { iss } = parsed.value as { readonly iss?: unknown };
  return typeof iss === 'string' ? iss : undefined;
}
