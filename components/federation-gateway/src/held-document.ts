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
  /** How long a document is used without looking again. */
  readonly freshMs: number;
  /** How long it is used while it cannot be fetched. */
  readonly usableMs: number;
  /** Shortest time between two fetches; doubled with each failure. */
  readonly pauseMs: number;
  /** Longest time between two fetches that are asked for, however often it failed. */
  readonly longestPauseMs: number;
}

/** A document of a partner, as it was when it was last to be had. */
export interface HeldDocument<Content> {
  /** The newest content, while it may be used. */
  usable(): Content | undefined;
  /** The newest content, unless it is time to look again. */
  fresh(): Content | undefined;
  /** Fetches again. Concurrent callers wait for the same fetch; during a pause nothing is fetched. */
  refresh(): Promise<void>;
  /** Why the last fetch failed and when the next one may begin, in milliseconds since the epoch; undefined after one that did not. */
  failure(): { readonly cause: CodedError; readonly retryAt: number } | undefined;
  /** Discards the held document. */
  forget(): void;
}

/**
 * Holds a document that is fetched from a partner. An outage of the partner stops nobody at once and lets nothing in; and neither many
 * requests nor made-up names turn us into a flood.
 *
 * @param options.load a coded error is a failure of the partner; any other is ours and is thrown to all who wait
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
    // Should it be our own fault, nobody is asked again in the same moment either.
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

/** The sentence that tells a caller when the partner is asked again. */
export function tryAgain(failure: { readonly retryAt: number } | undefined): string {
  return failure === undefined ? 'Try again shortly.' : `It is not asked again before ${toInstant(failure.retryAt)}.`;
}

export function retryFacts(failure: { readonly retryAt: number } | undefined): {
  readonly facts?: { readonly retry_at: string };
} {
  return failure === undefined ? {} : { facts: { retry_at: toInstant(failure.retryAt) } };
}
