import type { Actor, RecordType } from '@countersign/contracts';
import { expect, it } from 'vitest';
import type { FixedClock } from '../fixed-clock.ts';
import { suiteOf, type UnderTest } from './suite.ts';

export interface ProposalsUnderTest extends UnderTest<'retention-proposals'> {
  readonly clock: FixedClock;
  readonly by: Actor;
  readonly proposer: string;
  /** Proposes as the proposer. */
  propose(): Promise<unknown>;
  /** Proposes through software that acts for the proposer. */
  proposeThrough(): Promise<unknown>;
  recorded(type: RecordType): readonly unknown[];
}

/** Proposals of a person who departs. */
export const describeProposals = suiteOf<'retention-proposals', ProposalsUnderTest>('retention-proposals', {
  endProposalsOf(made) {
    it('ends what somebody proposed, or had proposed through them, each recorded, and nothing more when repeated', async () => {
      const { contract, propose, proposeThrough, proposer, recorded, clock, by } = made();
      await propose();
      await proposeThrough();
      const before = recorded('retention.rejected').length;
      const ended = { before: clock.now(), by, reason: 'A test' };
      expect(await contract.endProposalsOf('person:somebody.else', ended)).toBe(0);
      expect(await contract.endProposalsOf(proposer, { ...ended, before: clock.now() - 60_000 })).toBe(0);
      expect(await contract.endProposalsOf(proposer, ended)).toBe(2);
      expect(await contract.endProposalsOf(proposer, ended)).toBe(0);
      expect(recorded('retention.rejected')).toHaveLength(before + 2);
    });
  },
});
