import type { Actor, RecordType, RemoteContract } from '@countersign/contracts';
import { expect, it } from 'vitest';
import type { FixedClock } from '../fixed-clock.ts';
import { suiteOf, type UnderTest } from './suite.ts';

type ProposalsContract = Extract<RemoteContract, `${string}-proposals`>;

export interface ProposalsUnderTest<Name extends ProposalsContract> extends UnderTest<Name> {
  readonly clock: FixedClock;
  readonly by: Actor;
  readonly proposer: string;
  /** The record of a proposal that ends without approval. */
  readonly rejection: RecordType;
  propose(): Promise<unknown>;
  /** Proposes through software that acts for the proposer. */
  proposeThrough(): Promise<unknown>;
  recorded(type: RecordType): readonly unknown[];
}

function proposals(made: () => ProposalsUnderTest<ProposalsContract>): void {
  it('ends what somebody proposed, or had proposed through software, each recorded, and nothing more when repeated', async () => {
    const { contract, propose, proposeThrough, proposer, rejection, recorded, clock, by } = made();
    await propose();
    await proposeThrough();
    const before = recorded(rejection).length;
    const ended = { before: clock.now(), by, reason: 'A test' };
    expect(await contract.endProposalsOf('person:somebody.else', ended)).toBe(0);
    expect(await contract.endProposalsOf(proposer, { ...ended, before: clock.now() - 60_000 })).toBe(0);
    expect(await contract.endProposalsOf(proposer, ended)).toBe(2);
    expect(await contract.endProposalsOf(proposer, ended)).toBe(0);
    expect(recorded(rejection)).toHaveLength(before + 2);
  });
}

export const describeProposals = suiteOf<'retention-proposals', ProposalsUnderTest<'retention-proposals'>>(
  'retention-proposals',
  { endProposalsOf: proposals },
);
export const describeSecretProposals = suiteOf<'secret-proposals', ProposalsUnderTest<'secret-proposals'>>(
  'secret-proposals',
  { endProposalsOf: proposals },
);
export const describeAuthorityProposals = suiteOf<'authority-proposals', ProposalsUnderTest<'authority-proposals'>>(
  'authority-proposals',
  { endProposalsOf: proposals },
);
