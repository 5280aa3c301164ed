import type { ApplicationDetailType, Client, DirectorySnapshot } from '@countersign/contracts';

/** What an authorization request is judged by. */
export interface RequestRules {
  readonly client: Client;
  readonly directory: DirectorySnapshot;
  /** Types of authorization details that applications have. */
  readonly detailTypes: ReadonlyMap<string, ApplicationDetailType>;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}
