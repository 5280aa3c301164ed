import { statusAt } from '@countersign/commands';
import type { Actor, RetentionClass } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';
import type { Change, Simulation } from '../simulation.ts';

/** What somebody did, and who they are with everybody through whom they did it. */
export interface Deed {
  readonly record: RecordId;
  readonly by: Actor;
  readonly people: readonly string[];
  /** RFC 3339. */
  readonly at: string;
  readonly reason?: string;
}

interface Proposed {
  /** Of the record that says so. */
  readonly id: RecordId;
  readonly proposal: Deed;
  readonly expiresAt: number;
  /** What an approver names: of all that they have to read. */
  readonly digest: string;
  /** `approved`: by two people, and not yet all done. */
  readonly status: 'proposed' | 'approved' | 'rejected' | 'completed';
  readonly decision?: Deed;
}

/** Another schedule, or a pruning. */
export interface ChangeProposal extends Proposed {
  readonly kind: Change['kind'];
  readonly change: Change;
  readonly simulation: Simulation;
  /** What has gone so far, and what stayed at the end. */
  readonly pruned: { readonly count: number; readonly held: number; readonly needed: number };
}

export interface ErasureKey {
  readonly key: string;
  readonly region: string;
  readonly class: RetentionClass;
  readonly year: number;
  readonly values: number;
  /** RFC 3339. */
  readonly newest: string;
}

export interface ErasureProposal extends Proposed {
  readonly kind: 'erasure';
  readonly subject: string;
  readonly keys: readonly ErasureKey[];
  /** How many values have gone. */
  readonly erased?: number;
}

export type Proposal = ChangeProposal | ErasureProposal;

export type ShownStatus = Proposed['status'] | 'expired';

export function statusOf({ status, expiresAt }: Proposal, now: number): ShownStatus {
  return statusAt(status, expiresAt, now);
}
