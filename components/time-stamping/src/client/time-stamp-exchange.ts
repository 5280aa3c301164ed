import { timeStampErrors } from '@countersign/contracts';
import { maxTokenOctets } from '@countersign/x509';

/** Sends a request to the authority and brings its answer, both DER. */
export type TimeStampExchange = (request: Uint8Array) => Promise<Uint8Array>;

export interface TimeStampExchangeOptions {
  /** Of the authority. Tokens are signed, and hold no secret: many authorities answer over plain http. */
  readonly url: string;
  /** Value of the Authorization header, for those that ask for one. */
  readonly authorization?: string;
  /** 10 s by default. */
  readonly timeoutMs?: number;
}

const replyType = 'application/timestamp-reply';
const maxReplyOctets = maxTokenOctets + 4_096;

/**
 * Time stamps over HTTP (RFC 3161 section 3.4). The address is the operator's choice, from the configuration, and not
 * one that a partner wrote: it may be inside the own network. Bounded in time and size, no redirects.
 *
 * @throws CodedError `timestamp_unavailable`
 */
export function createTimeStampExchange(options: TimeStampExchangeOptions): TimeStampExchange {
  const { url, authorization, timeoutMs = 10_000 } = options;
  return async (request) => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/timestamp-query',
          accept: replyType,
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: request,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const type = answer.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
      if (answer.status !== 200 || type !== replyType || answer.body === null) {
        await answer.body?.cancel();
        throw new Error(`status ${answer.status}, ${type ?? 'no content type'}`);
      }
      return await readAtMost(answer.body, maxReplyOctets);
    } catch (error) {
      throw timeStampErrors.error('timestamp_unavailable', 'The time-stamping authority does not answer as it must.', {
        internal: error instanceof Error ? error.message : 'failed',
        cause: error,
      });
    }
  };
}

async function readAtMost(body: ReadableStream<Uint8Array>, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop gives the stream up.
    if (size > most) throw new Error(`more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
