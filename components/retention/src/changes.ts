import type { LoggedCommands, RecordContent } from '@countersign/commands';
import { type LogCustody, retentionErrors } from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  digestOf,
  type Json,
  newId,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { type Deciding, meanwhile, proposalOf, retentionApproval } from './deciding.ts';
import type { RetentionState } from './ledger/fold.ts';
import { type Ledger, recordedAs } from './ledger/ledger.ts';
import type { ChangeProposal } from './ledger/proposal.ts';
import { readLine } from './plain-text.ts';
import type { Requester } from './requester.ts';
import { type Decision, plain, type RetentionCommand, type RetentionKinds } from './retention-command.ts';
import { type Simulation, wouldGoBeyond } from './simulation.ts';
import { checkPruning, momentsOf, type Simulations, standingScopes } from './simulations.ts';

/** One person proposes what was simulated; another approves exactly that. */
export interface Changes {
  /** @throws CodedError `retention_not_simulated`, `retention_too_short`, `retention_malformed` */
  propose(simulation: string, reason: string, by: Requester): Promise<ChangeProposal>;
  /**
   * A pruning continues even if the caller disconnects. @param digest of the proposal as it was read @throws CodedError
   * `proposal_not_found`, `proposal_settled`, `own_proposal`, `approver_not_independent`, `proposal_outdated`
   */
  approve(id: string, digest: string, by: Requester): Promise<ChangeProposal>;
  /** @throws CodedError `proposal_not_found`, `proposal_settled` */
  reject(id: string, reason: string, by: Requester): Promise<ChangeProposal>;
}

const changeKinds = ['schedule', 'pruning'] as const;

interface Proposing {
  readonly id: RecordId;
  readonly simulation: string;
  readonly reason: string;
  readonly by: Requester;
}
interface Rejecting {
  readonly id: RecordId;
  readonly reason: string;
  readonly by: Requester;
}

export function createChanges(dependencies: {
  readonly kinds: RetentionKinds;
  readonly commands: LoggedCommands;
  readonly ledger: Ledger;
  readonly custody: LogCustody;
  readonly simulations: Simulations;
  readonly clock: Clock;
  readonly random: Random;
  readonly deciding: Deciding;
  /** Starts carrying out what was approved. */
  readonly begin: () => void;
}): Changes {
  const { kinds, commands, ledger, custody, simulations, clock, random, deciding, begin } = dependencies;
  const of = (state: RetentionState, id: string): ChangeProposal => proposalOf(state, id, changeKinds);

  /** Checked before the command takes its turn, because a survey takes time. */
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

  const propose: RetentionCommand<Proposing, ChangeProposal, Simulation> = {
    ...plain,
    kind: kinds.begun,
    about: ({ id }) => id,
    facts: (session, { ask, state }) => simulations.standing(ask.simulation, state, session),
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
    release: of,
  };

  const approve: RetentionCommand<Decision<ChangeProposal>, RetentionState> = {
    ...plain,
    kind: kinds.decided,
    about: ({ of: { id } }) => id,
    async check({ ask, state }) {
      const refusal =
        ask.refusal ??
        deciding.settled(of(state, ask.of.id)) ??
        (state.governedUpTo === ask.governedUpTo ? undefined : meanwhile());
      if (refusal !== undefined) throw refusal;
    },
    record: ({ ask, state }) => ({ ...approvalOf(ask.of, state), outcome: 'done', ...recordedAs(ask.by) }),
    ends: true,
    refused: (error, { ask }) => ledger.refusalOf(error, { operation: 'retention:approve', about: ask.of.id }, ask.by),
    after: async () => begin(),
    release: (state) => state,
  };

  const reject: RetentionCommand<Rejecting, RetentionState> = {
    ...plain,
    kind: kinds.decided,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const late = deciding.settled(of(state, ask.id));
      if (late !== undefined) throw late;
    },
    record({ ask: { id, reason, by }, state }) {
      const { kind, proposal } = of(state, id);
      const data = { proposal: id, kind, proposed_by: proposal.by.id, reason };
      return { type: 'retention.rejected', outcome: 'done', ...recordedAs(by), references: [id], data };
    },
    ends: true,
    refused: (error, { ask }) => ledger.refusalOf(error, { operation: 'retention:reject', about: ask.id }, ask.by),
    release: (state) => state,
  };

  return {
    async propose(simulation, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      return commands.run(propose, { id: newId('record', { clock, random }), simulation, reason, by });
    },

    async approve(id, digest, by) {
      const judged = await ledger.current();
      const proposal = of(judged, id);
      const refusal = (await deciding.refusalOf(proposal, digest, by)) ?? (await outdated(proposal, judged));
      const { governedUpTo } = judged;
      return of(await commands.run(approve, { of: proposal, by, refusal, governedUpTo }), id);
    },

    async reject(id, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      const proposal = of(await ledger.current(), id);
      return of(await commands.run(reject, { id: proposal.id, reason, by }), id);
    },
  };
}

function approvalOf(
  { id, change, digest, proposal }: ChangeProposal,
  { schedule }: RetentionState,
): Pick<RecordContent, 'type' | 'references' | 'data'> {
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

function asJson({ change, before, would, now, ...rest }: Simulation): Json {
  return {
    ...rest,
    change: { ...change },
    before: { ...before },
    would: would.map((survey) => ({ ...survey })),
    now: now.map((survey) => ({ ...survey })),
  };
}
