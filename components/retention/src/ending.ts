import type { Actor } from '@countersign/contracts';
import { type Clock, parseInstant } from '@countersign/kernel';
import type { Ledger } from './ledger/ledger.ts';
import { type Proposal, statusOf } from './ledger/proposal.ts';
import type { Requester } from './requester.ts';
import type { Store } from './store.ts';

/** The end of proposals whose proposer is gone. */
export interface Ending {
  /**
   * Ends what somebody proposed until a moment, or had proposed through them, and nobody has decided.
   *
   * @returns how many this call ended, each recorded
   */
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
  /** Ends one that nobody has decided. @returns whether this call ended it */
  end(id: string, by: Requester, reason: string): Promise<boolean>;
}

export function createEnding({
  store,
  ledger,
  clock,
}: {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: Clock;
}): Ending {
  function end(id: string, by: Requester, reason: string): Promise<boolean> {
    return store.inTurn(async () => {
      const proposal = (await ledger.current()).proposals.get(id);
      if (proposal === undefined || statusOf(proposal, clock.now()) !== 'proposed') return false;
      const { kind } = proposal;
      const about = { proposal: id, proposed_by: proposal.proposal.by.id, reason };
      await ledger.record(
        kind === 'erasure'
          ? { type: 'erasure.rejected', references: [proposal.id], data: about }
          : { type: 'retention.rejected', references: [proposal.id], data: { ...about, kind } },
        by,
      );
      return true;
    });
  }

  return {
    end,
    async endProposalsOf(proposer, { before, by, reason }) {
      const { proposals } = await ledger.current();
      let ended = 0;
      for (const { id, proposal } of proposals.values())
        if (
          proposal.people.includes(proposer) &&
          madeAt(proposal) <= before &&
          (await end(id, { actor: by, chain: [] }, reason))
        )
          ended += 1;
      return ended;
    },
  };
}

function madeAt({ at }: Proposal['proposal']): number {
  return parseInstant(at) ?? Number.NEGATIVE_INFINITY;
}
