import type { MessagePort } from 'node:worker_threads';
import type { PolicyBundle } from '@countersign/contracts';
import type { Digest, Json } from '@countersign/kernel';
import type { Counts } from './tally.ts';
import type { DecidedBy, TrialFilter } from './trial.ts';

/** What the thread of a simulation is told, one thing at a time: `load`, `follow`, then `next` until it has ended. */
export type ToTrial =
  | {
      readonly say: 'load';
      readonly bundle: PolicyBundle;
      readonly filter: TrialFilter;
      /** Ids of the limits that are on trial, too. */
      readonly limits: readonly string[];
    }
  /** Where the records come from: the port of a `RecordStream`. */
  | { readonly say: 'follow'; readonly port: MessagePort }
  /** Judge the next page. */
  | { readonly say: 'next' }
  /** After `need`: judge the rest of the page with these. */
  | {
      readonly say: 'judge';
      readonly facts: readonly (readonly [Digest, string])[];
      /** Of versions, by their hashes; undefined where they cannot be had. */
      readonly limits: readonly (readonly [Digest, readonly Json[] | undefined])[];
    };

/** Its answers, one for each. */
export type FromTrial =
  | { readonly say: 'loaded'; readonly hash: Digest }
  | {
      readonly say: 'refused';
      readonly detail: string;
      readonly facts: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly say: 'following' }
  /** Entities, and versions for their limits, that the page wants and it has not been given yet. */
  | { readonly say: 'need'; readonly digests: readonly Digest[]; readonly versions: readonly DecidedBy[] }
  /** A page is done. @property records how many were on it */
  | { readonly say: 'judged'; readonly records: number }
  /** There is no further page. */
  | { readonly say: 'ended'; readonly counts: Counts; readonly tried: ReadonlyMap<string, number> };
