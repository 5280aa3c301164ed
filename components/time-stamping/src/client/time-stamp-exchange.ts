import { type ConfiguredExchange, timeStampErrors } from '@countersign/contracts';
import { maxTokenOctets } from '@countersign/x509';

/** DER. */
export type TimeStampExchange = (request: Uint8Array) => Promise<Uint8Array>;

export interface TimeStampExchangeOptions {
  /** Many authorities use plain HTTP: tokens are signed and hold no secret. */
  readonly url: string;
  readonly exchange: ConfiguredExchange['exchange'];
  readonly authorization?: string;
  /** 10 s by default. */
  readonly timeoutMs?: number;
}

const replyType = 'application/timestamp-reply';
const maxReplyOctets = maxTokenOctets + 4_096;

/** RFC 3161 section 3.4. @throws CodedError `timestamp_unavailable` */
export function createTimeStampExchange(options: TimeStampExchangeOptions): TimeStampExchange {
  const { url, exchange, authorization, timeoutMs = 10_000 } = options;
  return async (request) => {
    try {
      const answer = await exchange(url, {
        contentType: 'application/timestamp-query',
        accept: replyType,
        body: request,
        plainHttp: true,
        timeoutMs,
        maxBytes: maxReplyOctets,
        ...(authorization === undefined ? {} : { authorization }),
      });
      const type = answer.contentType?.split(';')[0]?.trim().toLowerCase();
      if (answer.status !== 200 || type !== replyType)
        throw new Error(`status ${answer.status}, ${type ?? 'no content type'}`);
      return answer.body;
    } catch (error) {
      throw timeStampErrors.error('timestamp_unavailable', 'The time-stamping authority does not answer as it must.', {
        internal: error instanceof Error ? error.message : 'failed',
        cause: error,
      });
    }
  };
}
