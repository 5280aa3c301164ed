import type { DecidedRequest, Grant, GrantProposal, GrantRegister } from '@countersign/contracts';
import type { Clock, GrantId, RecordId } from '@countersign/kernel';

export interface GrantsAskedAnew extends GrantRegister {
  give(proposal: GrantProposal, request?: DecidedRequest): Promise<Grant>;
  deny(refused: Omit<GrantProposal, 'expiresAt'>, request?: DecidedRequest): Promise<RecordId>;
  change(id: GrantId, how: 'merge' | 'replace', proposal: GrantProposal, request?: DecidedRequest): Promise<Grant>;
}

let requests = 0;

export function newRequest(clock: Clock): DecidedRequest {
  return { id: `interaction/${++requests}`, askedAt: clock.now() };
}

/** Each decision is about a new request, unless a test names one. */
export function askedAnew(grants: GrantRegister, clock: Clock): GrantsAskedAnew {
  return {
    ...grants,
    give: (proposal, request = newRequest(clock)) => grants.give(proposal, request),
    deny: (refused, request = newRequest(clock)) => grants.deny(refused, request),
    change: (id, how, proposal, request = newRequest(clock)) => grants.change(id, how, proposal, request),
  };
}
