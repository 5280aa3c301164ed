import type { Requester as AnyRequester } from '@countersign/contracts';

/** A hold may be about the client. */
export interface Requester extends AnyRequester {
  readonly client?: string;
}
