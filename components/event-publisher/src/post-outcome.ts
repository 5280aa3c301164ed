import { type Outbound, outboundErrors } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';

export type PostOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly detail: string; readonly gone: boolean };

/** Well within a lease. */
const postTimeoutMs = 5_000;

/**
 * Posts to an address that an institution gave; a 2xx answer says that it is theirs now.
 *
 * @throws what is a fault of ours, and not the receiver's
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
