import type { Message } from '../message.ts';

export interface NoticeChannel {
  /** As configured; records contain it. */
  readonly name: string;
  send(message: Message): Promise<void>;
}
