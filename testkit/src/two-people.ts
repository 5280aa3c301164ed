import type { Independence, ProposerStanding } from '@countersign/contracts';

/** For tests that are not about who invited whom. */
export const everybodyIndependent: Independence = async () => true;

/** For tests that are not about who has left, moved, or lost the right to propose. */
export const everyProposerStands: ProposerStanding = async () => undefined;
