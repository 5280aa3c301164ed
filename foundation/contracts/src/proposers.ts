import type { Scope } from '@countersign/market';
import type { Actor } from './audit-log.ts';

/** Why what somebody proposed can no longer be approved. */
export type ProposerLapse = 'left' | 'moved' | 'locked' | 'revoked' | 'right-lost';

/**
 * How it is with those who proposed something, at the moment when somebody else approves it. Proposals end when their
 * proposer departs; this is asked as well, so that one that was missed is not put into force.
 *
 * @returns undefined while they may still propose it
 */
export type ProposerStanding = (proposal: {
  /** Who proposed, then everybody through whom they did, current actor first, by principal id. */
  readonly proposers: readonly string[];
  /** The scope it took. */
  readonly scope: Scope;
  /** When it was proposed, in milliseconds since the epoch. */
  readonly since: number;
}) => Promise<ProposerLapse | undefined>;

/** Of a component in which people propose what others approve. */
export interface ProposalsEnd {
  /**
   * Ends what somebody proposed until a moment, or had proposed through them, and nobody has decided. Repeating it goes on.
   *
   * @returns how many this call ended, each recorded
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

/** For the record of the end, and for who would have approved it. */
export function proposerLapseDetail(lapse: ProposerLapse): string {
  return `Who proposed this ${words[lapse]}. Somebody who may proposes it again.`;
}
