import { statusAt } from '@countersign/commands';
import type { RecordedAction } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';
import type { Static, Type } from 'typebox';
import type { Change, erasureKeyMembers, Simulation } from '../simulation.ts';

interface Proposed {
  readonly id: RecordId;
  readonly proposal: RecordedAction;
  readonly expiresAt: number;
  /** Covers everything that an approver has to read. */
  readonly digest: string;
  /** `approved` means that the work is not completed. */
  readonly status: 'proposed' | 'approved' | 'rejected' | 'completed';
  readonly decision?: RecordedAction;
}

export interface ChangeProposal extends Proposed {
  readonly kind: Change['kind'];
  readonly change: Change;
  readonly simulation: Simulation;
  readonly pruned: { readonly count: number; readonly held: number; readonly needed: number };
}

export type ErasureKey = Readonly<Static<Type.TObject<typeof erasureKeyMembers>>>;

export interface ErasureProposal extends Proposed {
  readonly kind: 'erasure';
  readonly subject: string;
  readonly keys: readonly ErasureKey[];
  readonly erased?: number;
}

export type Proposal = ChangeProposal | ErasureProposal;

export type ShownStatus = Proposed['status'] | 'expired';

export function statusOf({ status, expiresAt }: Proposal, now: number): ShownStatus {
  return statusAt(status, expiresAt, now);
}
