import type { Digest } from '@countersign/kernel';

/** What of the directory decisions have read, by the digest of its canonical JSON; those that are not kept are left out. */
export interface EntityFacts {
  load(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>>;
}
