import { authenticationErrors } from '@countersign/contracts';
import { type Clock, type CodedError, sha256Base64Url } from '@countersign/kernel';
import { networkOf } from '@countersign/runtime';

export interface SignInLimitsOptions {
  /** Within a minute, on each node. A trading floor may be behind one address. */
  readonly perAddress: number;
  readonly perBrowser: number;
  /** Tracked addresses and browsers; the oldest are dropped first. Default 20,000. */
  readonly maxCounted?: number;
}

interface Count {
  window: number;
  current: number;
  previous: number;
}

const windowMs = 60_000;

/**
 * Limits by network and browser, never by person: otherwise a stranger who knows a name could keep its owner out.
 * The window slides: the previous minute counts by the part of it that is still inside.
 */
export function createSignInLimits(clock: Clock, options: SignInLimitsOptions) {
  const { perAddress, perBrowser, maxCounted = 20_000 } = options;
  const counts = new Map<string, Count>();

  function exceeds(key: string, max: number): boolean {
    const now = clock.now();
    const window = Math.floor(now / windowMs);
    const count = counts.get(key) ?? { window, current: 0, previous: 0 };
    if (count.window !== window) {
      count.previous = count.window === window - 1 ? count.current : 0;
      count.current = 0;
      count.window = window;
    }
    const stillCounts = 1 - (now % windowMs) / windowMs;
    if (count.current + count.previous * stillCounts >= max) return true;
    count.current += 1;
    // Moved to the end, so that the least recently used is dropped first.
    counts.delete(key);
    counts.set(key, count);
    for (const oldest of counts.keys()) {
      if (counts.size <= maxCounted) break;
      counts.delete(oldest);
    }
    return false;
  }

  return {
    /** @throws CodedError `sign_in_too_many` */
    require({
      address,
      browserSecret,
    }: {
      readonly address: string | undefined;
      readonly browserSecret: string | undefined;
    }) {
      const network = `address ${networkOf(address)}`;
      const browser = browserSecret === undefined ? undefined : `browser ${sha256Base64Url(browserSecret)}`;
      if (exceeds(network, perAddress) || (browser !== undefined && exceeds(browser, perBrowser))) throw tooMany();
    },
    /** Counts new sign-ins, because each is stored until it ends. @throws CodedError `sign_in_too_many` */
    requireToBegin(address: string | undefined) {
      if (exceeds(`new sign-in ${networkOf(address)}`, perAddress)) throw tooMany();
    },
  };
}

export type SignInLimits = ReturnType<typeof createSignInLimits>;

function tooMany(): CodedError {
  return authenticationErrors.error(
    'sign_in_too_many',
    'There were too many sign-ins from here within a minute. Wait a minute, then try again.',
  );
}
