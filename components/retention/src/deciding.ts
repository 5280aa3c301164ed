import { type Independence, notIndependentDetail, retentionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { RetentionState } from './ledger/fold.ts';
import { type Proposal, statusOf } from './ledger/proposal.ts';
import { peopleOf, type Requester, share } from './requester.ts';

/** How long a proposal waits for its second person. */
export const proposalLifeMs = 7 * 86_400_000;

/** The proposal of that id among those of a kind. @throws CodedError `proposal_not_found` */
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

/** Why nobody can decide this any more, where that is so. */
export function settled(proposal: Proposal, now: number): CodedError | undefined {
  const status = statusOf(proposal, now);
  if (status === 'proposed') return undefined;
  return retentionErrors.error('proposal_settled', `The proposal is ${status} already.`, { facts: { status } });
}

/** Why this approver may not approve this under that digest, where they may not. */
export function approvalRefusal(proposal: Proposal, digest: string, approver: Requester): CodedError | undefined {
  if (share(peopleOf(approver), proposal.proposal.people))
    return retentionErrors.error(
      'own_proposal',
      'Who proposed this does not approve it, nor does anybody who acts through or for them: another person must.',
    );
  if (digest !== proposal.digest)
    return retentionErrors.error(
      'proposal_outdated',
      'The digest is not that of what was proposed: read the proposal again and approve what it says.',
    );
  return undefined;
}

/** Why the second person is not surely somebody else than the first. */
export async function dependenceRefusal(
  independence: Independence,
  first: readonly string[],
  second: Requester,
): Promise<CodedError | undefined> {
  if (await independence(first, peopleOf(second))) return undefined;
  return retentionErrors.error('approver_not_independent', notIndependentDetail);
}
