import { federationErrors, type Outbound, outboundErrors, type TrustProfile } from '@countersign/contracts';
import { type Clock, isCodedError, isRecent } from '@countersign/kernel';
import { createKeyCache, type VerificationKey } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import { readKeySet } from './key-set.ts';
import { refuse } from './refusal.ts';

export interface PartnerKeyTimes {
  /** How long a key set is used without looking again. 5 minutes by default. */
  readonly freshMs: number;
  /** How long it is used when the partner cannot be reached. 1 hour by default. */
  readonly usableMs: number;
  /** Shortest time between two fetches for one partner, whoever asks for whatever key. 10 s by default. */
  readonly pauseMs: number;
  /** For one fetch. 3 s by default. */
  readonly fetchTimeoutMs: number;
}

export const defaultPartnerKeyTimes: PartnerKeyTimes = {
  freshMs: 5 * 60_000,
  usableMs: 60 * 60_000,
  pauseMs: 10_000,
  fetchTimeoutMs: 3_000,
};

export interface PartnerKeys {
  /**
   * The key of a partner with this `kid`.
   *
   * @throws CodedError `assertion_key_unknown`; `partner_keys_unavailable` when the partner could not be asked
   */
  keyOf(profile: TrustProfile, kid: string | undefined): Promise<VerificationKey>;
}

interface Held {
  readonly jwksUri: string;
  keys: ReadonlyMap<string, VerificationKey>;
  /** When the keys were fetched; -Infinity before that. */
  fetchedAt: number;
  /** When fetching was last begun. */
  triedAt: number;
  lastTryFailed: boolean;
  fetching: Promise<void> | undefined;
}

const maxBytes = 65_536;

/**
 * Keys of partners, fetched from the address in their profile and from nowhere else: no header and no claim of an
 * assertion leads to a fetch elsewhere.
 *
 * A key set is used for a while, looked at again when an assertion names a key that it lacks, and used for longer
 * when the partner is down. An outage thus stops nobody at once, and never lets a key in. Fetches are limited per
 * partner, so that made-up key names do not turn us into a flood.
 */
export function createPartnerKeys(options: {
  readonly outbound: Pick<Outbound, 'getJson'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly times?: Partial<PartnerKeyTimes>;
}): PartnerKeys {
  const { outbound, clock, logger } = options;
  const times = { ...defaultPartnerKeyTimes, ...options.times };
  const cache = createKeyCache();
  // One entry for each registered issuer: only those get here.
  const partners = new Map<string, Held>();

  function heldFor({ issuer, jwksUri }: TrustProfile): Held {
    const known = partners.get(issuer);
    if (known?.jwksUri === jwksUri) return known;
    const held: Held = {
      jwksUri,
      keys: new Map(),
      fetchedAt: -Infinity,
      triedAt: -Infinity,
      lastTryFailed: false,
      fetching: undefined,
    };
    partners.set(issuer, held);
    return held;
  }

  const isWithin = (since: number, ms: number): boolean => isRecent(since, ms, clock.now());

  async function fetchKeys(held: Held, issuer: string): Promise<void> {
    held.triedAt = clock.now();
    const problem = await replaceKeys(held);
    held.lastTryFailed = problem !== undefined;
    if (problem !== undefined)
      logger.warn({ issuer, problem, keysHeld: held.keys.size }, 'key set of a partner was not accepted');
  }

  /** @returns what was wrong, if anything; the keys held then stay, for as long as they may be used. */
  async function replaceKeys(held: Held): Promise<string | undefined> {
    let document: unknown;
    try {
      document = await outbound.getJson(held.jwksUri, { timeoutMs: times.fetchTimeoutMs, maxBytes });
    } catch (error) {
      if (isCodedError(error) && Object.hasOwn(outboundErrors.codes, error.code)) return error.internal ?? error.detail;
      throw error;
    }
    const set = readKeySet(document, cache);
    if (!set.ok) {
      if (set.compromised) forget(held);
      return set.problem;
    }
    if (!isWithin(held.fetchedAt, times.usableMs)) forget(held);
    for (const [kid, key] of set.keys) {
      const before = held.keys.get(kid);
      // A name that changes hands makes old and new assertions look alike.
      if (before !== undefined && before.thumbprint !== key.thumbprint) return 'a kid names another key than before';
    }
    held.keys = set.keys;
    held.fetchedAt = clock.now();
    return undefined;
  }

  function forget(held: Held): void {
    held.keys = new Map();
    held.fetchedAt = -Infinity;
  }

  return {
    async keyOf(profile, kid) {
      if (kid === undefined) throw refuse('assertion_key_unknown', 'Its header must name the key by its kid.');
      const held = heldFor(profile);
      const fresh = isWithin(held.fetchedAt, times.freshMs) ? held.keys.get(kid) : undefined;
      if (fresh !== undefined) return fresh;
      if (held.fetching === undefined && !isWithin(held.triedAt, times.pauseMs)) {
        held.fetching = fetchKeys(held, profile.issuer).finally(() => {
          held.fetching = undefined;
        });
      }
      await held.fetching;
      const key = isWithin(held.fetchedAt, times.usableMs) ? held.keys.get(kid) : undefined;
      if (key !== undefined) return key;
      // Whether the partner has such a key is only known when it has answered.
      if (held.lastTryFailed || !isWithin(held.fetchedAt, times.usableMs))
        throw federationErrors.error(
          'partner_keys_unavailable',
          "The keys of the assertion's issuer cannot be had now. Try again shortly.",
        );
      throw refuse('assertion_key_unknown', 'Its issuer has no key by the kid of the header.');
    },
  };
}
