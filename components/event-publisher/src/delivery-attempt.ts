import { type Outbound, outboundErrors } from '@countersign/contracts';
import { backOffMs, isCodedError, type Random } from '@countersign/kernel';

/** A receiver's turn ends after this time, so that a slow one does not hold up others. */
export const turnMs = 10_000;
/** Pause after a failure of ours, not of the receiver. */
export const ownFaultMs = 5_000;
/** Pause before the next check of a row that its newest record does not confirm. */
export const unprovenMs = 60_000;
/** Another node takes over when the node that delivers has shown no sign of life for this time. */
export const leaseMs = 30_000;
const firstRetryMs = 1_000;
const longestRetryMs = 3_600_000;
/** After so long without success a person has to look at it; nothing is lost meanwhile. */
const suspendAfterMs = 3 * 86_400_000;

/** Doubled with each failure, up to an hour. */
export function retryAfter(attempts: number, random: Random): number {
  return backOffMs(attempts, { firstMs: firstRetryMs, longestMs: longestRetryMs }, random);
}

/** Whether failures have lasted so long that delivery stops. Milliseconds since the epoch. */
export function failsForTooLong(failingSince: number | undefined, now: number): boolean {
  return failingSince !== undefined && now - failingSince >= suspendAfterMs;
}

export type PostOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly detail: string; readonly gone: boolean };

/** Well within a lease. */
const postTimeoutMs = 5_000;

/**
 * Posts to an institution's address; with a 2xx answer the receiver takes responsibility for the event.
 *
 * @throws errors on our side; failures of the receiver are not thrown
 */
export async function postTo(
  outbound: Pick<Outbound, 'post'>,
  url: string,
  message: Omit<Parameters<Outbound['post']>[1], 'timeoutMs'>,
): Promise<PostOutcome> {
  let status: number;
  try {
    ({ status } = await outbound.post(url, { ...message, timeoutMs: postTimeoutMs }));
  } catch (error) {
    if (!isCodedError(error) || !Object.hasOwn(outboundErrors.codes, error.code)) throw error;
    // What the address answered, or that it is refused, is the log's; the subscriber is told what they can act on.
    return { kind: 'failed', detail: 'The address gave no answer in time, or is refused.', gone: false };
  }
  if (status < 200 || status >= 300)
    return { kind: 'failed', detail: `The address answered with status ${status}.`, gone: status === 410 };
  return { kind: 'taken' };
}
