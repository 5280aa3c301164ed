import { toInstant } from '@countersign/kernel';
import { described, type Gate, type RouteDescription } from '@countersign/runtime';
import type { Requester } from '../dependencies.ts';
import type { RecordedHold } from '../ledger/fold.ts';
import {
  type ChangeProposal,
  type ErasureProposal,
  type Proposal,
  type ShownStatus,
  statusOf,
} from '../ledger/proposal.ts';
import { writeScope } from '../scope.ts';

export function describedRoutes(gate: Gate<Requester, string>) {
  return (scope: string, description: Omit<RouteDescription, 'tag' | 'scopes'>) => ({
    ...described({ tag: 'retention', scopes: [scope], ...description }),
    ...gate.needs(scope),
  });
}

const maxShown = 100;

function membersOf(proposal: Proposal, now: number) {
  const { id, proposal: proposed, expiresAt, digest, decision } = proposal;
  return {
    id,
    status: statusOf(proposal, now),
    proposedBy: proposed.by,
    proposedAt: proposed.at,
    expiresAt: toInstant(expiresAt),
    reason: proposed.reason ?? '',
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

export function holdView({ id, scope, matter, placedBy, placedAt, releasedBy, releasedAt }: RecordedHold) {
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
    .slice(0, maxShown);
}
