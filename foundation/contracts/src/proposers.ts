import type { Scope } from '@countersign/market';
import type { Actor } from './audit-log.ts';

/** Why a proposal can no longer be approved. */
export type ProposerLapse = 'left' | 'moved' | 'locked' | 'revoked' | 'right-lost';

/**
 * Checks at the time of approval whether the proposers may still propose this. Proposals end when their proposer departs; this
 * check catches a proposal that was missed.
 *
 * @returns undefined while the proposers may still propose it
 */
export type ProposerStanding = (proposal: {
  /** Principal ids: the proposer, then the acting chain, current actor first. */
  readonly proposers: readonly string[];
  /** The scope that the proposal needed. */
  readonly scope: Scope;
  /** When it was proposed, in milliseconds since the epoch. */
  readonly since: number;
}) => Promise<ProposerLapse | undefined>;

/** Offered by a component that keeps proposals under dual control. */
export interface ProposalEnder {
  /**
   * Ends all undecided proposals that a principal made before a time, directly or through others. Repeating the call continues.
   *
   * @returns how many this call ended, each with a record
   */
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
}

const words: Readonly<Record<ProposerLapse, string>> = {
  left: 'has left',
  moved: 'has moved to another desk or other roles',
  locked: 'is locked',
  revoked: 'is revoked',
  'right-lost': 'may no longer propose it',
};

/** For the record and for the approver. */
export function proposerLapseDetail(lapse: ProposerLapse): string {
  return `Who proposed this ${words[lapse]}. Somebody who may proposes it again.`;
}
