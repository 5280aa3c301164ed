import { authenticationErrors } from '@countersign/contracts';
import { type Clock, type CodedError, sha256Base64Url } from '@countersign/kernel';
import { networkOf } from '@countersign/runtime';

export interface SignInLimitsOptions {
  /** Pages and attempts within a minute; on each node. A trading floor may be behind one address. */
  readonly perAddress: number;
  readonly perBrowser: number;
  /** Addresses and browsers that are remembered; the oldest are forgotten first. Default 20,000. */
  readonly mostCounted?: number;
}

/**
 * How often sign-in pages are asked for and attempts made, from one network and in one browser. Nothing is counted by
 * person: whoever knows a name could otherwise keep its owner out.
 */
export interface SignInLimits {
  /** @throws CodedError `sign_in_too_many` */
  require(from: { readonly address: string | undefined; readonly browserSecret: string | undefined }): void;
  /**
   * How often a sign-in is begun from one network: each is kept until it ends.
   *
   * @throws CodedError `sign_in_too_many`
   */
  requireToBegin(address: string | undefined): void;
}

interface Count {
  window: number;
  current: number;
  previous: number;
}

const windowMs = 60_000;

/** Two counters for each make the window slide: those of the minute before count by the part of it that is still within one. */
export function createSignInLimits(clock: Clock, options: SignInLimitsOptions): SignInLimits {
  const { perAddress, perBrowser, mostCounted = 20_000 } = options;
  const counts = new Map<string, Count>();

  function exceeds(key: string, most: number): boolean {
    const now = clock.now();
    const window = Math.floor(now / windowMs);
    const count = counts.get(key) ?? { window, current: 0, previous: 0 };
    if (count.window !== window) {
      count.previous = count.window === window - 1 ? count.current : 0;
      count.current = 0;
      count.window = window;
    }
    const stillCounts = 1 - (now % windowMs) / windowMs;
    if (count.current + count.previous * stillCounts >= most) return true;
    count.current += 1;
    // To the end of the map, so that the one that was quiet for longest is forgotten first.
    counts.delete(key);
    counts.set(key, count);
    for (const oldest of counts.keys()) {
      if (counts.size <= mostCounted) break;
      counts.delete(oldest);
    }
    return false;
  }

  return {
    require({ address, browserSecret }) {
      const network = `address ${networkOf(address)}`;
      const browser = browserSecret === undefined ? undefined : `browser ${sha256Base64Url(browserSecret)}`;
      if (exceeds(network, perAddress) || (browser !== undefined && exceeds(browser, perBrowser))) throw tooMany();
    },
    requireToBegin(address) {
      if (exceeds(`begun ${networkOf(address)}`, perAddress)) throw tooMany();
    },
  };
}

function tooMany(): CodedError {
  return authenticationErrors.error(
    'sign_in_too_many',
    'There were too many sign-ins from here within a minute. Wait a minute, then try again.',
  );
}
