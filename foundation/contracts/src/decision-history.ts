import type { Digest, Json, RecordId, SimulationId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { Decision } from './decisions.ts';
import type { LimitReading } from './limits.ts';
import type { PolicyBundle } from './policy-versions.ts';

export type RecordedDecision = Omit<Decision, 'id' | 'policyRecord' | 'inputText'> & {
  readonly id: string;
  readonly input: Json;
};

/** Fields of a decision that replay and simulation compare. */
export const comparedFields = [
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
  readonly field: (typeof comparedFields)[number] | 'input_digest';
  readonly recorded: Json;
  readonly replayed: Json;
}

export type ReplayReport = { readonly record: RecordId; readonly recorded: RecordedDecision } & (
  | { readonly outcome: 'identical' }
  | { readonly outcome: 'different'; readonly differences: readonly ReplayDifference[] }
  /** Recorded inputs that are no longer available or do not match their digest. */
  | { readonly outcome: 'missing'; readonly missing: readonly string[] }
);

/** A detailed explanation of a decision for policy administrators. */
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
  /** Use of the limits; empty when none applied. An exceeded limit turned the permit into a deny. */
  readonly limits: readonly (LimitReading & { readonly exceeded: boolean })[];
  /** For a deny: the decisive conditions of the permits that came closest and of the forbids that applied. */
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

/** Filter for the recorded decisions of a simulation. */
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

/** A recorded decision that the candidate reverses. */
export interface Flip {
  readonly record: RecordId;
  readonly at: string;
  readonly principal: string;
  readonly institution: string;
  readonly desk: string;
  readonly action: string;
  readonly from: 'permit' | 'deny';
  readonly to: 'permit' | 'deny';
  /** Determining policies before and after; empty when only limits decided. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Ids of the exceeded limits before and after; absent when no limit caused the reversal. */
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
  readonly failure?: string;
  /** Records read so far, of those in the range. */
  readonly progress: { readonly done: number; readonly of: number };
  readonly decisions: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly permitToDeny: number;
  readonly denyToPermit: number;
  /** Same answer with other reasons, obligations, token lifetime or time stamp. */
  readonly otherChanges: number;
  readonly by: {
    readonly institution: readonly FlipCount[];
    readonly desk: readonly FlipCount[];
    readonly action: readonly FlipCount[];
  };
  /** The first thousand. */
  readonly flips: readonly Flip[];
  /**
   * Changes of the candidate to the limits and rates of `baseVersion`; the first thousand. Each decision was tested alone against
   * the changed limits that can be tested, with the use at its time, and against the recorded readings of all others. Absent in
   * reports of earlier releases.
   */
  readonly limitChanges?: readonly LimitChange[];
  /** Digest over all of the above once it is done. */
  readonly digest?: Digest;
}

/** An added, changed or removed limit or rate, as in `limits.json` before and after. */
export interface LimitChange {
  readonly kind: 'limit' | 'rate';
  /** Id of the limit, or currency pair of the rate. */
  readonly id: string;
  readonly change: 'added' | 'changed' | 'removed';
  readonly before?: Json;
  readonly after?: Json;
  /**
   * Number of decisions that were tested against the changed limit. Absent when it cannot be tested: rates, new limits, and limits
   * with another measure, window or key.
   */
  readonly tried?: number;
}

export interface FlipCount {
  readonly name: string;
  readonly decisions: number;
  readonly permitToDeny: number;
  readonly denyToPermit: number;
}

export interface DecisionHistory {
  /**
   * Repeats a decision from its recorded inputs, by the same policy version.
   *
   * @throws CodedError `decision_not_found`, `record_without_decision`
   */
  replay(record: RecordId): Promise<ReplayReport>;
  /** @throws CodedError as {@link replay}; `policy_not_loaded` when an input is missing */
  explain(record: RecordId): Promise<DecisionExplanation>;
  /**
   * Runs a bundle over recorded decisions in the background. Returns at once; see {@link simulation} for progress.
   *
   * @throws CodedError `policy_invalid`; `simulation_busy`
   */
  simulate(bundle: PolicyBundle, range: SimulationRange, by: Actor): Promise<SimulationReport>;
  /** @throws CodedError `simulation_not_found` */
  simulation(id: SimulationId): Promise<SimulationReport>;
}
