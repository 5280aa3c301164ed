import type { StandingReader } from '@countersign/contracts';
import { type Clock, type Random, sha256, sha256Base64Url } from '@countersign/kernel';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import type { Queryable } from '../row-store.ts';
import { type CodeBinding, createCodeStore } from './store.ts';

/** FAPI 2.0 Security Profile section 5.3.2.1: a code lives for 60 seconds at most. */
export const codeLifetimeSeconds = 60;

/** The clock of another node may be ahead of ours. */
const clockDifferenceMs = 60_000;

/** A second use within this time is a replay and ends the grant. */
const rememberedForMs = 60 * 60_000;

/** Ended by the record of the code's token, so that a restored row cannot be redeemed again. */
export const redemptionThing = (code: string): string => `authorization-code:${sha256Base64Url(code)}`;

/** RFC 6749 section 4.1.2: 256 random bits, stored as a hash. */
export interface Codes {
  issue(binding: Omit<CodeBinding, 'expiresAt'>): Promise<string>;
  /** Undefined for an unknown or expired code. A redeemed code is found for an hour, to tell a second use from a guess. */
  find(code: string): Promise<(CodeBinding & { readonly redeemed: boolean }) | undefined>;
  /** Exactly one caller on all nodes gets `claimed`. */
  redeem(code: string): Promise<'claimed' | 'replayed'>;
}

export interface CodesDependencies {
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  /** For codes that have been redeemed. */
  readonly audit: StandingReader;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export function createCodes({ pool, rowSeal, audit, clock, random, logger }: CodesDependencies): Codes & {
  /** With the caller's code and transaction. */
  issueAs(code: string, binding: Omit<CodeBinding, 'expiresAt'>, within: Queryable): Promise<void>;
  /** Also runs by itself. */
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

  /** A later end means that another node's clock was ahead. */
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
      // The token's record shows a redemption even if the row was restored.
      return isFirst && !(await audit.standings([thing])).has(thing) ? 'claimed' : 'replayed';
    },
    sweep: sweeper.sweep,
    stop: sweeper.stop,
  };
}

function isCode(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}
