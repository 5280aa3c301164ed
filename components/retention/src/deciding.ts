import {
  createSecondPerson,
  type DualControl,
  type SecondPersonDependencies,
  type WaitingProposal,
} from '@countersign/commands';
import { peopleOf, retentionErrors } from '@countersign/contracts';
import { type CodedError, parseInstant } from '@countersign/kernel';
import type { Ending } from './ending.ts';
import type { RetentionState } from './ledger/fold.ts';
import type { Proposal } from './ledger/proposal.ts';
import type { Requester } from './requester.ts';

/** @throws CodedError `proposal_not_found` */
export function proposalOf<Kind extends Proposal['kind']>(
  { proposals }: RetentionState,
  id: string,
  kinds: readonly Kind[],
): Extract<Proposal, { readonly kind: Kind }> {
  const proposal = proposals.get(id);
  if (proposal !== undefined && isOf(proposal, kinds)) return proposal;
  throw retentionErrors.error('proposal_not_found', 'There is no proposal by this id.');
}

function isOf<Kind extends Proposal['kind']>(
  proposal: Proposal,
  kinds: readonly Kind[],
): proposal is Extract<Proposal, { readonly kind: Kind }> {
  return kinds.some((kind) => kind === proposal.kind);
}

export interface Deciding {
  settled(proposal: Proposal): CodedError | undefined;
  /** Ends the proposal if its proposer has lost the right to make it. */
  refusalOf(proposal: Proposal, digest: string, approver: Requester): Promise<CodedError | undefined>;
}

export function createDeciding(
  dependencies: SecondPersonDependencies & { readonly ending: Pick<Ending, 'end'> },
): Deciding {
  const persons = {
    retention: createSecondPerson(retentionApproval, dependencies),
    erasure: createSecondPerson(erasureApproval, dependencies),
  };
  const secondOf = ({ kind }: Proposal) => (kind === 'erasure' ? persons.erasure : persons.retention);
  return {
    settled: (proposal) => secondOf(proposal).settled(waiting(proposal)),
    async refusalOf(proposal, digest, approver) {
      const refusal = await secondOf(proposal).refusalOf(waiting(proposal), { people: peopleOf(approver), digest });
      if (refusal?.code === retentionApproval.codes.gone)
        await dependencies.ending.end(proposal.id, approver, refusal.detail);
      return refusal;
    },
  };
}

export const retentionApproval = {
  what: 'proposal',
  approves: 'digest',
  waitsMs: 7 * 86_400_000,
  quorum: 1,
  proposer: 'keeps-right',
  separates: { scopes: [['retention:propose'], ['retention:approve']] },
  codes: {
    settled: 'proposal_settled',
    expired: 'proposal_settled',
    self: 'own_proposal',
    digest: 'proposal_outdated',
    dependent: 'approver_not_independent',
    gone: 'proposer_gone',
  },
  error: retentionErrors.error,
} as const satisfies DualControl<keyof typeof retentionErrors.codes>;

export const erasureApproval = {
  ...retentionApproval,
  separates: { scopes: [['erasure:propose'], ['erasure:approve']] },
} as const satisfies DualControl<keyof typeof retentionErrors.codes>;

function waiting({ kind, status, expiresAt, digest, proposal: { people, at } }: Proposal): WaitingProposal {
  return {
    people,
    scope: kind === 'erasure' ? 'erasure:propose' : 'retention:propose',
    proposedAt: parseInstant(at) ?? Number.NEGATIVE_INFINITY,
    expiresAt,
    decided: status === 'proposed' ? undefined : status,
    digest,
  };
}

export function meanwhile(): CodedError {
  return retentionErrors.error(
    'proposal_outdated',
    'A hold or the schedule has changed while this was being approved: read the proposal again.',
  );
}
