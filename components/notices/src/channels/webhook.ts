import type { ConfiguredExchange } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import type { NoticeChannel } from './channel.ts';

/** A system of the firm; any 2xx answer accepts the notice. */
export function createWebhookChannel(options: {
  readonly name: string;
  readonly url: string;
  /** Value of the header `Authorization`. */
  readonly authorization?: string;
  readonly exchange: ConfiguredExchange;
}): NoticeChannel {
  const { name, url, authorization, exchange } = options;
  return {
    name,
    async send({ body }) {
      const { status } = await exchange.exchange(url, {
        contentType: 'application/json',
        body,
        ...(authorization === undefined ? {} : { authorization }),
        timeoutMs: 5_000,
        maxBytes: 4_096,
      });
      if (status < 200 || status >= 300)
        throw new CodedError({
          code: 'notice_not_taken',
          category: 'unavailable',
          detail: `The channel ${name} answered with status ${status}.`,
        });
    },
  };
}
