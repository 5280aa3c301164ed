import type { Independence, ProposerStanding } from '@countersign/contracts';

/** For tests that do not concern the independence of people. */
export const everybodyIndependent: Independence = async () => true;

/** For tests that do not concern the standing of proposers. */
export const everyProposerActive: ProposerStanding = async () => undefined;
