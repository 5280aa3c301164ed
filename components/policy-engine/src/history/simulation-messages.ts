import type { PolicyBundle } from '@countersign/contracts';
import type { Digest } from '@countersign/kernel';
import type { Counts } from './tally.ts';
import type { TrialFilter } from './trial.ts';

/** What the thread of a simulation is told, one thing at a time, in this order; pages as often as there are any. */
export type ToTrial =
  | { readonly say: 'load'; readonly bundle: PolicyBundle; readonly filter: TrialFilter }
  | { readonly say: 'read'; readonly page: readonly string[] }
  | { readonly say: 'judge'; readonly facts: readonly (readonly [Digest, string])[] }
  | { readonly say: 'count' };

/** Its answers, one for each. */
export type FromTrial =
  | { readonly say: 'loaded'; readonly hash: Digest }
  | {
      readonly say: 'refused';
      readonly detail: string;
      readonly facts: Readonly<Record<string, unknown>> | undefined;
    }
  /** Entities of the page that it has not been given yet. */
  | { readonly say: 'need'; readonly digests: readonly Digest[] }
  | { readonly say: 'judged' }
  | { readonly say: 'counted'; readonly counts: Counts };
