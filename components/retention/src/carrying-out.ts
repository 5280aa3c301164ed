import type { LoggedCommands } from '@countersign/commands';
import { type LogCustody, retentionErrors } from '@countersign/contracts';
import { type Clock, type CodedError, isCodedError } from '@countersign/kernel';
import { createRounds, type Logger } from '@countersign/runtime';
import type { Requester } from './dependencies.ts';
import { obstacleTo } from './erasures.ts';
import type { RetentionState } from './ledger/fold.ts';
import { type Ledger, recordedAs } from './ledger/ledger.ts';
import type { ChangeProposal, ErasureProposal, Proposal } from './ledger/proposal.ts';
import { plain, type RetentionCommand, type RetentionKinds } from './retention-command.ts';
import { activeScopes, checkPruning } from './simulations.ts';

const maxAttempts = 100;

interface GivingUp {
  readonly proposal: Proposal;
  readonly error: CodedError;
}

export interface CarryingOut {
  begin(): void;
  work(): Promise<void>;
  progressOf(id: string): { readonly done: number; readonly of: number } | undefined;
  stop(): Promise<void>;
}

/**
 * Derives pending work from the log, so that this node or another continues after a crash. The log refuses an order if
 * a hold or schedule came after the state it was based on.
 */
export function createCarryingOut(dependencies: {
  readonly kinds: RetentionKinds;
  readonly commands: LoggedCommands;
  readonly ledger: Ledger;
  readonly custody: LogCustody;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly everyMs: number;
}): CarryingOut {
  const { kinds, commands, ledger, custody, clock, logger, everyMs } = dependencies;
  const progress = new Map<string, { readonly done: number; readonly of: number }>();
  const stopping = new AbortController();
  const { signal } = stopping;

  /** Records the end of an approved proposal that the rules no longer allow. */
  const giveUp: RetentionCommand<GivingUp, boolean> = {
    ...plain,
    kind: kinds.decided,
    about: ({ proposal }) => proposal.id,
    done: ({ ask, state }) => (state.proposals.get(ask.proposal.id)?.status === 'approved' ? undefined : false),
    check: async () => undefined,
    record: ({ ask: { proposal, error } }) => ({
      type: proposal.kind === 'erasure' ? 'erasure.rejected' : 'retention.rejected',
      outcome: 'deny',
      reason: error.code,
      ...recordedAs(byApprover(proposal)),
      references: [proposal.id],
      data: { proposal: proposal.id, kind: proposal.kind, reason: error.detail },
    }),
    ends: true,
    refused: () => undefined,
    release: () => true,
  };

  async function prune(proposal: ChangeProposal, state: RetentionState): Promise<void> {
    const { id, change, decision } = proposal;
    if (change.kind !== 'pruning' || decision === undefined) return;
    checkPruning(change, state, clock.now());
    await custody.prune(
      {
        class: change.class,
        before: Date.parse(change.before),
        holds: activeScopes(state),
        asOf: state.governedUpTo,
        authority: decision.record,
        by: decision.by,
      },
      (done, of) => progress.set(id, { done, of }),
      signal,
    );
    progress.delete(id);
  }

  async function erase(proposal: ErasureProposal, state: RetentionState): Promise<void> {
    const { keys, decision } = proposal;
    if (decision === undefined) return;
    const obstacle = await obstacleTo(proposal, { custody, state, now: clock.now() });
    if (obstacle !== undefined) throw obstacle;
    await custody.erase({
      keys: keys.map(({ key }) => key),
      asOf: state.governedUpTo,
      authority: decision.record,
      by: decision.by,
    });
  }

  async function carryOut(id: string): Promise<void> {
    for (let attempt = 1; !signal.aborted && attempt <= maxAttempts; attempt++) {
      const state = await ledger.current();
      const proposal = state.proposals.get(id);
      if (proposal?.status !== 'approved') return;
      try {
        await (proposal.kind === 'erasure' ? erase(proposal, state) : prune(proposal, state));
        return;
      } catch (error) {
        if (retentionErrors.is(error, 'custody_outdated')) continue;
        if (!isEnd(error)) throw error;
        await commands.run(giveUp, { proposal, error });
        return;
      }
    }
  }

  async function work(): Promise<void> {
    await custody.settle();
    const { proposals } = await ledger.current();
    for (const { id, status } of proposals.values()) {
      if (status !== 'approved' || signal.aborted) continue;
      try {
        await carryOut(id);
      } catch (error) {
        if (!signal.aborted)
          logger.error({ error, proposal: id }, 'an approved proposal could not be carried out; it is retried');
      }
    }
  }

  const rounds = createRounds({ what: 'approved retention work', work, logger, everyMs });
  return {
    begin: rounds.hurry,
    work: rounds.run,
    progressOf: (id) => progress.get(id),
    async stop() {
      stopping.abort();
      await rounds.stop();
    },
  };
}

const ends: ReadonlySet<string> = new Set([
  'retention_too_short',
  'erasure_too_early',
  'erasure_held',
] satisfies (keyof typeof retentionErrors.codes)[]);

/** No further attempt can change these errors. */
function isEnd(error: unknown): error is CodedError {
  return isCodedError(error) && ends.has(error.code);
}

/** The approver, or the proposer if nobody decided. */
function byApprover({ proposal, decision }: Proposal): Requester {
  const { by, people } = decision ?? proposal;
  return { ...by, through: people.filter((person) => person !== by.id) };
}
