import type { Message } from '../message.ts';

/** One way to reach people: a file in this folder, and its member in the configuration. */
export interface NoticeChannel {
  /** As it is configured; records name it. */
  readonly name: string;
  /** Resolves when the channel has taken it. @throws CodedError, or what went wrong: it is then tried again */
  send(message: Message): Promise<void>;
}
