import { retentionErrors } from '@countersign/contracts';
import { type CodedError, digestOf, type Json, newId, type RecordId, toInstant } from '@countersign/kernel';
import { createDecisions, type DecidingUseCase, type Decisions, proposalOf, retentionApproval } from './deciding.ts';
import type { Requester } from './dependencies.ts';
import type { RetentionState } from './ledger/fold.ts';
import { recordedAs } from './ledger/ledger.ts';
import type { ChangeProposal } from './ledger/proposal.ts';
import { plain, type RetentionCommand, readLine } from './retention-command.ts';
import { type Simulation, wouldGoBeyond } from './simulation.ts';
import { activeScopes, checkPruning, momentsOf, type Simulations } from './simulations.ts';

/** One person proposes what was simulated; another approves exactly that. */
export interface Changes extends Decisions<ChangeProposal> {
  /** @throws CodedError `retention_not_simulated`, `retention_too_short`, `retention_malformed` */
  propose(simulation: string, reason: string, by: Requester): Promise<ChangeProposal>;
}

const changeKinds = ['schedule', 'pruning'] as const;

interface Proposing {
  readonly id: RecordId;
  readonly simulation: string;
  readonly reason: string;
  readonly by: Requester;
}

export function createChanges(dependencies: DecidingUseCase & { readonly simulations: Simulations }): Changes {
  const { kinds, commands, ledger, custody, simulations, clock, random } = dependencies;

  async function outdated(
    { change, simulation }: ChangeProposal,
    state: RetentionState,
  ): Promise<CodedError | undefined> {
    const again = (detail: string): CodedError => retentionErrors.error('proposal_outdated', detail);
    if (state.schedule.version !== simulation.schedule)
      return again('The schedule has changed since this was proposed: simulate and propose it again.');
    if (change.kind === 'pruning') checkPruning(change, state, clock.now());
    const found = await custody.survey(momentsOf(simulation), activeScopes(state));
    return wouldGoBeyond(simulation.would, found)
      ? again('More would go now than the simulation showed: simulate and propose it again.')
      : undefined;
  }

  const propose: RetentionCommand<Proposing, ChangeProposal, Simulation> = {
    ...plain,
    kind: kinds.started,
    about: ({ id }) => id,
    facts: (session, { ask, state }) => simulations.current(ask.simulation, state, session),
    async check({ facts: { change }, state, now }) {
      if (change.kind === 'pruning') checkPruning(change, state, now);
    },
    record: ({ ask: { reason, by }, facts: simulation, now }) => ({
      type: 'retention.proposed',
      outcome: 'done',
      ...recordedAs(by),
      data: {
        change: { ...simulation.change },
        simulation: asJson(simulation),
        reason,
        expires_at: toInstant(now + retentionApproval.waitsMs),
        digest: digestOf({ change: simulation.change, simulation, reason }),
      },
    }),
    ends: false,
    refused: (error, { ask }) => ledger.refusalOf(error, { operation: 'retention:propose' }, ask.by),
    release: (state, id) => proposalOf(state, id, changeKinds),
  };

  return {
    ...createDecisions(dependencies, {
      of: changeKinds,
      operations: 'retention',
      obstacle: outdated,
      approval: approvalOf,
    }),
    async propose(simulation, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      return commands.run(propose, { id: newId('record', { clock, random }), simulation, reason, by });
    },
  };
}

function approvalOf({ id, change, digest, proposal }: ChangeProposal, { schedule }: RetentionState) {
  const about = { proposal: id, digest, proposed_by: proposal.by.id };
  return change.kind === 'schedule'
    ? ({
        type: 'retention.changed',
        data: { ...about, version: schedule.version + 1, presets: change.presets, years: change.years },
      } as const)
    : ({
        type: 'retention.pruning-approved',
        data: { ...about, class: change.class, before: change.before },
      } as const);
}

function asJson({ change, before, would, now, ...rest }: Simulation): Json {
  return {
    ...rest,
    change: { ...change },
    before: { ...before },
    would: would.map((survey) => ({ ...survey })),
    now: now.map((survey) => ({ ...survey })),
  };
}
