import type { Client, DirectorySnapshot } from '@countersign/contracts';

/** What an authorization request is judged by. */
export interface RequestRules {
  readonly client: Client;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch. */
  readonly now: number;
}
