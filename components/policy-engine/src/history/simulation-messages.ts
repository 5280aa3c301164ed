import type { MessagePort } from 'node:worker_threads';
import type { PolicyBundle } from '@countersign/contracts';
import type { Digest, Json } from '@countersign/kernel';
import type { Counts } from './tally.ts';
import type { DecidedBy, TrialFilter } from './trial.ts';

/** Messages to the thread of a simulation, one at a time: `load`, `follow`, then `next` until the end. */
export type ToTrial =
  | {
      readonly say: 'load';
      readonly bundle: PolicyBundle;
      readonly filter: TrialFilter;
      /** Ids of the tested limits. */
      readonly limits: readonly string[];
    }
  /** The source of records: the port of a `RecordStream`. */
  | { readonly say: 'follow'; readonly port: MessagePort }
  /** Evaluate the next page. */
  | { readonly say: 'next' }
  /** After `need`: evaluate the rest of the page with these. */
  | {
      readonly say: 'judge';
      readonly facts: readonly (readonly [Digest, string])[];
      /** Limits of versions by hash; undefined if unavailable. */
      readonly limits: readonly (readonly [Digest, readonly Json[] | undefined])[];
    };

/** Answers of the thread, one for each message. */
export type FromTrial =
  | { readonly say: 'loaded'; readonly hash: Digest }
  | {
      readonly say: 'refused';
      readonly detail: string;
      readonly facts: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly say: 'following' }
  /** Entities, and versions for their limits, that the thread still needs for the page. */
  | { readonly say: 'need'; readonly digests: readonly Digest[]; readonly versions: readonly DecidedBy[] }
  /** A page is done. @property records the number of records on it */
  | { readonly say: 'judged'; readonly records: number }
  /** No further page. */
  | { readonly say: 'ended'; readonly counts: Counts; readonly tried: ReadonlyMap<string, number> };
