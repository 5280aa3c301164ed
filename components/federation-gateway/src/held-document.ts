import {
  backOffMs,
  type Clock,
  type CodedError,
  isCodedError,
  isRecent,
  type Random,
  toInstant,
} from '@countersign/kernel';

export interface HeldDocumentTimes {
  /** How long a document is used without fetching it again. */
  readonly freshMs: number;
  /** How long it is used while it cannot be fetched. */
  readonly usableMs: number;
  /** Shortest time between two fetches; doubled with each failure. */
  readonly pauseMs: number;
  /** Longest time between two fetches that are asked for, however often it failed. */
  readonly longestPauseMs: number;
}

/** A partner's document as last fetched. */
export interface HeldDocument<Content> {
  /** Until `usableMs` have passed. */
  usable(): Content | undefined;
  /** Until `freshMs` have passed. */
  fresh(): Content | undefined;
  /** Concurrent callers share one fetch; during a pause nothing is fetched. */
  refresh(): Promise<void>;
  /** Why the last fetch failed and when the next one may start, in milliseconds since the epoch. */
  failure(): { readonly cause: CodedError; readonly retryAt: number } | undefined;
  forget(): void;
}

/**
 * An outage of the partner does not take effect at once, and neither many requests nor invented names cause many
 * fetches.
 *
 * @param options.load a coded error is the partner's failure; any other is ours and is thrown
 */
export function createHeldDocument<Content>(options: {
  readonly load: () => Promise<Content>;
  readonly times: HeldDocumentTimes;
  readonly clock: Clock;
  readonly random: Random;
}): HeldDocument<Content> {
  const { load, times, clock, random } = options;
  let held: { readonly content: Content; readonly at: number } | undefined;
  let tried = { at: -Infinity, pauseMs: 0 };
  let failed: { readonly count: number; readonly cause: CodedError } | undefined;
  let loading: Promise<void> | undefined;

  async function tryToLoad(): Promise<void> {
    const at = clock.now();
    // Also pauses after our own fault.
    tried = { at, pauseMs: times.pauseMs };
    try {
      held = { content: await load(), at };
      failed = undefined;
    } catch (error) {
      if (!isCodedError(error)) throw error;
      const count = (failed?.count ?? 0) + 1;
      failed = { count, cause: error };
      const bounds = { firstMs: times.pauseMs, longestMs: Math.max(times.pauseMs, times.longestPauseMs) };
      tried = { at, pauseMs: backOffMs(count - 1, bounds, random) };
    }
  }

  const within = (ms: number): Content | undefined =>
    held !== undefined && isRecent(held.at, ms, clock.now()) ? held.content : undefined;

  return {
    usable: () => within(times.usableMs),
    fresh: () => within(times.freshMs),
    async refresh() {
      if (loading === undefined && !isRecent(tried.at, tried.pauseMs, clock.now()))
        loading = tryToLoad().finally(() => {
          loading = undefined;
        });
      await loading;
    },
    failure: () => (failed === undefined ? undefined : { cause: failed.cause, retryAt: tried.at + tried.pauseMs }),
    forget() {
      held = undefined;
    },
  };
}

/** For the caller. */
export function tryAgain(failure: { readonly retryAt: number } | undefined): string {
  return failure === undefined ? 'Try again shortly.' : `The next attempt is at ${toInstant(failure.retryAt)}.`;
}

export function retryFacts(failure: { readonly retryAt: number } | undefined): {
  readonly facts?: { readonly retry_at: string };
} {
  return failure === undefined ? {} : { facts: { retry_at: toInstant(failure.retryAt) } };
}
