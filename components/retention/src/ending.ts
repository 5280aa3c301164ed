import type { LoggedCommands } from '@countersign/commands';
import type { Actor } from '@countersign/contracts';
import { parseInstant, type RecordId } from '@countersign/kernel';
import { type Ledger, recordedAs } from './ledger/ledger.ts';
import { type Proposal, statusOf } from './ledger/proposal.ts';
import type { Requester } from './requester.ts';
import { plain, type RetentionCommand, type RetentionKinds } from './retention-command.ts';

export interface Ending {
  /** Ends undecided proposals that a person made, directly or through others. @returns how many, each recorded */
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
  /** @returns whether this call ended it */
  end(id: RecordId, by: Requester, reason: string): Promise<boolean>;
}

interface End {
  readonly id: RecordId;
  readonly by: Requester;
  readonly reason: string;
}

export function createEnding(dependencies: {
  readonly kinds: RetentionKinds;
  readonly commands: LoggedCommands;
  readonly ledger: Ledger;
}): Ending {
  const { kinds, commands, ledger } = dependencies;
  const end: RetentionCommand<End, boolean> = {
    ...plain,
    kind: kinds.decided,
    about: ({ id }) => id,
    done({ ask, state, now }) {
      const proposal = state.proposals.get(ask.id);
      return proposal === undefined || statusOf(proposal, now) !== 'proposed' ? false : undefined;
    },
    check: async () => undefined,
    record({ ask: { id, by, reason }, state }) {
      const proposal = state.proposals.get(id);
      return {
        type: proposal?.kind === 'erasure' ? 'erasure.rejected' : 'retention.rejected',
        outcome: 'done',
        ...recordedAs(by),
        references: [id],
        data: {
          ...{ proposal: id, proposed_by: proposal?.proposal.by.id ?? '', reason },
          ...(proposal === undefined || proposal.kind === 'erasure' ? {} : { kind: proposal.kind }),
        },
      };
    },
    ends: true,
    refused: () => undefined,
    release: () => true,
  };

  return {
    end: (id, by, reason) => commands.run(end, { id, by, reason }),
    async endProposalsOf(proposer, { before, by, reason }) {
      const { proposals } = await ledger.current();
      let ended = 0;
      for (const { id, proposal } of proposals.values())
        if (
          proposal.people.includes(proposer) &&
          madeAt(proposal) <= before &&
          (await commands.run(end, { id, by, reason }))
        )
          ended += 1;
      return ended;
    },
  };
}

function madeAt({ at }: Proposal['proposal']): number {
  return parseInstant(at) ?? Number.NEGATIVE_INFINITY;
}
