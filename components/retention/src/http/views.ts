import { toInstant } from '@countersign/kernel';
import type { StandingHold } from '../ledger/fold.ts';
import {
  type ChangeProposal,
  type ErasureProposal,
  type Proposal,
  type ShownStatus,
  statusOf,
} from '../ledger/proposal.ts';
import { writeScope } from '../scope.ts';

const mostShown = 100;

function membersOf(proposal: Proposal, now: number) {
  const { id, proposal: deed, expiresAt, digest, decision } = proposal;
  return {
    id,
    status: statusOf(proposal, now),
    proposedBy: deed.by,
    proposedAt: deed.at,
    expiresAt: toInstant(expiresAt),
    reason: deed.reason ?? '',
    digest,
    ...(decision === undefined ? {} : { decidedBy: decision.by, decidedAt: decision.at }),
    ...(decision?.reason === undefined ? {} : { decisionReason: decision.reason }),
  };
}

export function changeView(
  proposal: ChangeProposal,
  now: number,
  progress?: { readonly done: number; readonly of: number },
) {
  const { kind, change, simulation, pruned, status } = proposal;
  return {
    ...membersOf(proposal, now),
    change,
    simulation,
    ...(kind === 'pruning' && (status === 'approved' || status === 'completed') ? { pruned } : {}),
    ...(progress === undefined ? {} : { progress }),
  };
}

export function erasureView(proposal: ErasureProposal, now: number) {
  const { subject, keys, erased } = proposal;
  return { ...membersOf(proposal, now), subject, keys, ...(erased === undefined ? {} : { erased }) };
}

export function holdView({ id, scope, matter, placedBy, placedAt, releasedBy, releasedAt }: StandingHold) {
  return {
    ...{ id, scope: writeScope(scope), matter, placedBy, placedAt },
    ...(releasedBy === undefined ? {} : { releasedBy }),
    ...(releasedAt === undefined ? {} : { releasedAt }),
  };
}

/** Newest first. */
export function listed<Some extends Proposal>(
  proposals: readonly Some[],
  status: ShownStatus | undefined,
  now: number,
): readonly Some[] {
  return proposals
    .filter((proposal) => status === undefined || statusOf(proposal, now) === status)
    .toReversed()
    .slice(0, mostShown);
}
