import { type Outbound, outboundErrors } from '@countersign/contracts';
import { backOffMs, isCodedError, type Random } from '@countersign/kernel';

/** A receiver's turn ends after this time, so that a slow one does not hold up others. */
export const turnMs = 10_000;
/** Pause after a failure of ours, not of the receiver. */
export const ownFaultMs = 5_000;
/** Pause before the next check of a row that its newest record does not confirm. */
export const unprovenMs = 60_000;
/** Another node takes over from a node that has been silent for this long. */
export const leaseMs = 30_000;
const firstRetryMs = 1_000;
const longestRetryMs = 3_600_000;
/** Then a person has to look at it; nothing is lost meanwhile. */
const suspendAfterMs = 3 * 86_400_000;

/** Doubled with each failure, up to an hour. */
export function retryAfter(attempts: number, random: Random): number {
  return backOffMs(attempts, { firstMs: firstRetryMs, longestMs: longestRetryMs }, random);
}

/** In milliseconds since the epoch. */
export function failsForTooLong(failingSince: number | undefined, now: number): boolean {
  return failingSince !== undefined && now - failingSince >= suspendAfterMs;
}

export type PostOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly detail: string; readonly gone: boolean };

const postTimeoutMs = 5_000;

/** With a 2xx answer the receiver takes responsibility. @throws errors on our side, never of the receiver */
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
    // The log has what the address answered or that it is refused; the subscriber gets what they can act on.
    return { kind: 'failed', detail: 'The address did not respond in time, or is not permitted.', gone: false };
  }
  if (status < 200 || status >= 300)
    return { kind: 'failed', detail: `The address answered with status ${status}.`, gone: status === 410 };
  return { kind: 'taken' };
}
