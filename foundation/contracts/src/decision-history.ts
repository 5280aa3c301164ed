import type { Digest, Json, RecordId, SimulationId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { Decision } from './decisions.ts';
import type { LimitReading } from './limits.ts';
import type { PolicyBundle } from './policy-versions.ts';

/** A decision as its record has it. */
export type RecordedDecision = Omit<Decision, 'id' | 'policyRecord' | 'inputText'> & {
  readonly id: string;
  readonly input: Json;
};

/** What of a decision replay and simulation compare. */
export const judgedFields = [
  'decision',
  'determining',
  'errors',
  'reasons',
  'obligations',
  'token_lifetime',
  'time_stamp',
] as const;

/** Where a replayed decision differs from the recorded one. */
export interface ReplayDifference {
  readonly field: (typeof judgedFields)[number] | 'input_digest';
  readonly recorded: Json;
  readonly replayed: Json;
}

export type ReplayReport = { readonly record: RecordId; readonly recorded: RecordedDecision } & (
  | { readonly outcome: 'identical' }
  | { readonly outcome: 'different'; readonly differences: readonly ReplayDifference[] }
  /** Which recorded input cannot be had any more, or is not what its digest says. */
  | { readonly outcome: 'missing'; readonly missing: readonly string[] }
);

/** A decision taken apart, for those who administer the policies. */
export interface DecisionExplanation {
  readonly recorded: RecordedDecision;
  readonly policies: readonly {
    readonly id: string;
    readonly effect: 'permit' | 'forbid';
    readonly text: string;
    readonly determining: boolean;
  }[];
  /** The entities that could be read, in Cedar's JSON form. */
  readonly entities: readonly Json[];
  /** What the limits were found at; empty where they were not asked. One that was exceeded has made a deny of a permit. */
  readonly limits: readonly (LimitReading & { readonly exceeded: boolean })[];
  /** For a deny: of each permit that came nearest, and of each forbid that fired, the conditions that decided. */
  readonly unmet: readonly {
    readonly policyId: string;
    readonly effect: 'permit' | 'forbid';
    readonly conditions: readonly {
      /** Cedar text of the condition. */
      readonly text: string;
      readonly outcome: 'true' | 'false' | 'error';
      /** The values on either side of a comparison, or the error, in Cedar text. */
      readonly found: readonly string[];
    }[];
  }[];
}

/** Which recorded decisions a simulation runs over. Members left out do not limit. */
export interface SimulationRange {
  /** RFC 3339. */
  readonly from?: string;
  readonly until?: string;
  readonly action?: string;
  readonly principal?: string;
  /** LEI of the principal's institution. */
  readonly institution?: string;
  /** As in the directory, with the institution before it: `LEI/rates`. */
  readonly desk?: string;
}

/** One decision that the candidate would have made otherwise. */
export interface Flip {
  readonly record: RecordId;
  readonly at: string;
  readonly principal: string;
  readonly institution: string;
  readonly desk: string;
  readonly action: string;
  readonly from: 'permit' | 'deny';
  readonly to: 'permit' | 'deny';
  /** Determining policies, before and after; none where it was or would be for limits alone. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Ids of the limits that it was past, and would be past; missing where no limit made it flip. */
  readonly limits?: { readonly before: readonly string[]; readonly after: readonly string[] };
}

export interface SimulationReport {
  readonly id: SimulationId;
  readonly status: 'running' | 'done' | 'failed';
  readonly bundleHash: Digest;
  /** The version that was active when it ran. */
  readonly baseVersion: number;
  readonly range: SimulationRange;
  readonly startedAt: string;
  readonly startedBy: string;
  readonly finishedAt?: string;
  /** Why it failed. */
  readonly failure?: string;
  /** Records read so far, of those in the range. */
  readonly progress: { readonly done: number; readonly of: number };
  readonly decisions: number;
  /** Recorded decisions whose inputs could not be had, by what was missing. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly permitToDeny: number;
  readonly denyToPermit: number;
  /** Same answer, for other reasons or on other terms: obligations, the life of a token, a time stamp. */
  readonly otherwiseChanged: number;
  readonly by: {
    readonly institution: readonly FlipCount[];
    readonly desk: readonly FlipCount[];
    readonly action: readonly FlipCount[];
  };
  /** The first thousand. */
  readonly flips: readonly Flip[];
  /**
   * What the candidate makes otherwise of the limits and rates of `baseVersion`; the first thousand. Each decision and each
   * step was held to what of it can be tried, by itself: against what had been used when it was made. For all else it was
   * held to the limits as they were found then. Missing in reports that were made before they said so.
   */
  readonly limitChanges?: readonly LimitChange[];
  /** Digest over all of the above once it is done. */
  readonly digest?: Digest;
}

/** A limit or a rate that comes, goes or changes, as `limits.json` has it before and after. */
export interface LimitChange {
  readonly kind: 'limit' | 'rate';
  /** Of a limit its id, of a rate its pair of currencies. */
  readonly id: string;
  readonly change: 'added' | 'changed' | 'removed';
  readonly before?: Json;
  readonly after?: Json;
  /**
   * How many decisions had a reading of the limit and were held to it as the candidate has it. Missing where that cannot be
   * told: of rates, of new limits, and of those that count something else, over another time, or for others.
   */
  readonly tried?: number;
}

export interface FlipCount {
  readonly name: string;
  readonly decisions: number;
  readonly permitToDeny: number;
  readonly denyToPermit: number;
}

/** Past decisions, judged again: bit for bit, or by other policies. */
export interface DecisionHistory {
  /**
   * Decides again from what was recorded, by the version it was decided by.
   *
   * @throws CodedError `decision_not_found`, `record_without_decision`
   */
  replay(record: RecordId): Promise<ReplayReport>;
  /** @throws CodedError as {@link replay}; `policy_not_loaded` where an input is missing */
  explain(record: RecordId): Promise<DecisionExplanation>;
  /**
   * Runs a bundle over the recorded decisions, beside the hot path. Returns at once; ask {@link simulation} how far it is.
   *
   * @throws CodedError `policy_invalid`; `simulation_busy`
   */
  simulate(bundle: PolicyBundle, range: SimulationRange, by: Actor): Promise<SimulationReport>;
  /** @throws CodedError `simulation_not_found` */
  simulation(id: SimulationId): Promise<SimulationReport>;
}
