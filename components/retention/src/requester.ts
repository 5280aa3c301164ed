import type { Requester as AnyRequester } from '@countersign/contracts';

/** Who asks, with the client by which they do: a hold may be about it. */
export interface Requester extends AnyRequester {
  readonly client?: string;
}
