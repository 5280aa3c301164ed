import { type LogCustody, retentionErrors } from '@countersign/contracts';
import { type Clock, type CodedError, digestOf, type Json, type RecordId, toInstant } from '@countersign/kernel';
import { type Deciding, meanwhile, proposalLifeMs, proposalOf } from './deciding.ts';
import type { RetentionState } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { ChangeProposal } from './ledger/proposal.ts';
import { readLine } from './plain-text.ts';
import type { Requester } from './requester.ts';
import { type Simulation, wouldGoBeyond } from './simulation.ts';
import { checkPruning, momentsOf, type Simulations, standingScopes } from './simulations.ts';
import type { Store } from './store.ts';

/** Schedules and prunings, by two people: one proposes what was simulated, another approves exactly that. */
export interface Changes {
  /** @throws CodedError `retention_not_simulated`, `retention_too_short`, `retention_malformed` */
  propose(simulation: string, reason: string, by: Requester): Promise<ChangeProposal>;
  /**
   * A schedule is then in force. A pruning has begun; it goes on whatever becomes of the caller.
   *
   * @param digest of the proposal as it was read
   * @throws CodedError `proposal_not_found`, `proposal_settled`, `own_proposal`, `approver_not_independent`, `proposal_outdated`
   */
  approve(id: string, digest: string, by: Requester): Promise<ChangeProposal>;
  /** @throws CodedError `proposal_not_found`, `proposal_settled` */
  reject(id: string, reason: string, by: Requester): Promise<ChangeProposal>;
}

const kinds = ['schedule', 'pruning'] as const;

export function createChanges({
  store,
  ledger,
  custody,
  simulations,
  clock,
  deciding,
  begin,
}: {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly custody: LogCustody;
  readonly simulations: Simulations;
  readonly clock: Clock;
  readonly deciding: Deciding;
  /** Something was approved that has to be carried out. */
  readonly begin: () => void;
}): Changes {
  const of = (state: RetentionState, id: string): ChangeProposal => proposalOf(state, id, kinds);

  /** Has the ground changed on which it was proposed? Looked at before the turn: a survey takes its time. */
  async function outdated(
    { change, simulation }: ChangeProposal,
    state: RetentionState,
  ): Promise<CodedError | undefined> {
    const again = (detail: string): CodedError => retentionErrors.error('proposal_outdated', detail);
    if (state.schedule.version !== simulation.schedule)
      return again('The schedule has changed since this was proposed: simulate and propose it again.');
    if (change.kind === 'pruning') checkPruning(change, state, clock.now());
    const found = await custody.survey(momentsOf(simulation), standingScopes(state));
    return wouldGoBeyond(simulation.would, found)
      ? again('More would go now than the simulation showed: simulate and propose it again.')
      : undefined;
  }

  return {
    async propose(simulationId, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      return store.inTurn(async (session) => {
        const state = await ledger.current();
        const simulation = await simulations
          .standing(simulationId, state, session)
          .catch((error) => ledger.refuse(error, { operation: 'retention:propose' }, by));
        const { change } = simulation;
        if (change.kind === 'pruning') checkPruning(change, state, clock.now());
        const id = await ledger.record(
          {
            type: 'retention.proposed',
            data: {
              change: { ...change },
              simulation: asJson(simulation),
              reason,
              expires_at: toInstant(clock.now() + proposalLifeMs),
              digest: digestOf({ change, simulation, reason }),
            },
          },
          by,
        );
        return of(await ledger.current(), id);
      });
    },

    async approve(id, digest, by) {
      const attempt = { operation: 'retention:approve', about: id };
      const judged = await ledger.current();
      const proposal = of(judged, id);
      const refusal = (await deciding.refusalOf(proposal, digest, by)) ?? (await outdated(proposal, judged));
      if (refusal !== undefined) return ledger.refuse(refusal, attempt, by);
      const approved = await store.inTurn(async () => {
        const state = await ledger.current();
        const late =
          deciding.settled(of(state, id)) ?? (state.governedUpTo === judged.governedUpTo ? undefined : meanwhile());
        if (late !== undefined) return ledger.refuse(late, attempt, by);
        await ledger.record(approvalOf(proposal, state), by);
        return of(await ledger.current(), id);
      });
      begin();
      return approved;
    },

    async reject(id, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      return store.inTurn(async () => {
        const proposal = of(await ledger.current(), id);
        const late = deciding.settled(proposal);
        if (late !== undefined) return ledger.refuse(late, { operation: 'retention:reject', about: id }, by);
        const data = { proposal: id, kind: proposal.kind, proposed_by: proposal.proposal.by.id, reason };
        await ledger.record({ type: 'retention.rejected', references: [proposal.id], data }, by);
        return of(await ledger.current(), id);
      });
    },
  };
}

function approvalOf(
  { id, change, digest, proposal }: ChangeProposal,
  { schedule }: RetentionState,
): Parameters<Ledger['record']>[0] {
  const about = { proposal: id, digest, proposed_by: proposal.by.id };
  const references: readonly RecordId[] = [id];
  return change.kind === 'schedule'
    ? {
        type: 'retention.changed',
        references,
        data: { ...about, version: schedule.version + 1, presets: change.presets, years: change.years },
      }
    : {
        type: 'retention.pruning-approved',
        references,
        data: { ...about, class: change.class, before: change.before },
      };
}

/** With its members alone, as it will be read back. */
function asJson({ change, before, would, now, ...rest }: Simulation): Json {
  return {
    ...rest,
    change: { ...change },
    before: { ...before },
    would: would.map((survey) => ({ ...survey })),
    now: now.map((survey) => ({ ...survey })),
  };
}
