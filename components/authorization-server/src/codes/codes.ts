import type { StandingReader } from '@countersign/contracts';
import { type Clock, type Random, sha256, sha256Base64Url } from '@countersign/kernel';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import type { Queryable } from '../row-store.ts';
import { type CodeBinding, createCodeStore } from './store.ts';

/** FAPI 2.0 Security Profile section 5.3.2.1: a code lives for 60 seconds at most. */
export const codeLifetimeSeconds = 60;

/** The clock of another node may be this far ahead of ours. */
const clockDifferenceMs = 60_000;

/** How long a redeemed code is remembered: coming back within it, it is known as a replay and ends its grant. */
const rememberedForMs = 60 * 60_000;

/**
 * The record of a token that was issued for a code ends this. A row that is put back as it was before the redemption is
 * known as redeemed by it.
 */
export const redemptionThing = (code: string): string => `authorization-code:${sha256Base64Url(code)}`;

/** Authorization codes (RFC 6749 section 4.1.2): 256 random bits, kept as their hash, redeemed once on all nodes. */
export interface Codes {
  /** A new code for this binding; {@link codeLifetimeSeconds} from now it is worth nothing. */
  issue(binding: Omit<CodeBinding, 'expiresAt'>): Promise<string>;
  /**
   * What a code stands for. Undefined for one that never was, and for one that expired without having been redeemed, or was
   * issued at a time that has not come yet; a redeemed one is found for an hour, so that its second use can be told from a guess.
   */
  find(code: string): Promise<(CodeBinding & { readonly redeemed: boolean }) | undefined>;
  /** Of any number of callers on any number of nodes, exactly one gets `claimed`. */
  redeem(code: string): Promise<'claimed' | 'replayed'>;
}

export interface CodesDependencies {
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  /** Asked which codes were redeemed. */
  readonly audit: StandingReader;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export function createCodes({ pool, rowSeal, audit, clock, random, logger }: CodesDependencies): Codes & {
  /** As `issue`, with a code of the caller's and within the caller's database transaction. */
  issueAs(code: string, binding: Omit<CodeBinding, 'expiresAt'>, within: Queryable): Promise<void>;
  /** Removes what is no longer remembered; runs by itself. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
} {
  const store = createCodeStore(pool, rowSeal);
  const sweeper = createSweeper({
    what: 'authorization codes',
    logger,
    removeSlice: (limit) => store.removeExpired(clock.now() - rememberedForMs, limit),
  });
  const bound = (binding: Omit<CodeBinding, 'expiresAt'>): CodeBinding => ({
    ...binding,
    expiresAt: clock.now() + codeLifetimeSeconds * 1000,
  });

  /** A code that ends later than one of now would was issued while the clock was ahead. */
  function isInTime({ expiresAt }: CodeBinding): boolean {
    const now = clock.now();
    return expiresAt > now && expiresAt <= now + codeLifetimeSeconds * 1000 + clockDifferenceMs;
  }

  return {
    async issue(binding) {
      const code = Buffer.from(random.bytes(32)).toString('base64url');
      await store.insert(sha256(code), bound(binding));
      return code;
    },
    issueAs: (code, binding, within) => store.insert(sha256(code), bound(binding), within),
    async find(code) {
      if (!isCode(code)) return undefined;
      const found = await store.find(sha256(code));
      if (found === undefined || found.redeemed) return found;
      if (!isInTime(found)) return undefined;
      const thing = redemptionThing(code);
      return (await audit.standings([thing])).has(thing) ? { ...found, redeemed: true } : found;
    },
    async redeem(code) {
      if (!isCode(code)) return 'replayed';
      const isFirst = await store.redeem(sha256(code), clock.now());
      const thing = redemptionThing(code);
      // A row that was put back between the look and the claim is known by the record of the token.
      return isFirst && !(await audit.standings([thing])).has(thing) ? 'claimed' : 'replayed';
    },
    sweep: sweeper.sweep,
    stop: sweeper.stop,
  };
}

function isCode(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}
