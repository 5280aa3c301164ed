import {
  createSecondPerson,
  type DualControl,
  type RecordContent,
  type SecondPersonDependencies,
  type WaitingProposal,
} from '@countersign/commands';
import { type Actor, peopleOf, retentionErrors } from '@countersign/contracts';
import { type CodedError, parseInstant, type RecordId } from '@countersign/kernel';
import type { Requester } from './dependencies.ts';
import type { RetentionState } from './ledger/fold.ts';
import { recordedAs } from './ledger/ledger.ts';
import { type Proposal, statusOf } from './ledger/proposal.ts';
import { type Decision, plain, type RetentionCommand, readLine, type UseCase } from './retention-command.ts';

type ProposalOf<Kind extends Proposal['kind']> = Extract<Proposal, { readonly kind: Kind }>;

/** @throws CodedError `proposal_not_found` */
export function proposalOf<Kind extends Proposal['kind']>(
  { proposals }: RetentionState,
  id: string,
  kinds: readonly Kind[],
): ProposalOf<Kind> {
  const proposal = proposals.get(id);
  if (proposal !== undefined && isOf(proposal, kinds)) return proposal;
  throw retentionErrors.error('proposal_not_found', 'There is no proposal by this id.');
}

function isOf<Kind extends Proposal['kind']>(proposal: Proposal, kinds: readonly Kind[]): proposal is ProposalOf<Kind> {
  return kinds.some((kind) => kind === proposal.kind);
}

export interface Deciding {
  settled(proposal: Proposal): CodedError | undefined;
  /** Ends the proposal if its proposer has lost the right to make it. */
  refusalOf(proposal: Proposal, digest: string, approver: Requester): Promise<CodedError | undefined>;
}

export function createDeciding(
  dependencies: SecondPersonDependencies & { readonly ending: Pick<Ending, 'end'> },
): Deciding {
  const persons = {
    retention: createSecondPerson(retentionApproval, dependencies),
    erasure: createSecondPerson(erasureApproval, dependencies),
  };
  const secondOf = ({ kind }: Proposal) => (kind === 'erasure' ? persons.erasure : persons.retention);
  return {
    settled: (proposal) => secondOf(proposal).settled(waiting(proposal)),
    async refusalOf(proposal, digest, approver) {
      const refusal = await secondOf(proposal).refusalOf(waiting(proposal), { people: peopleOf(approver), digest });
      if (refusal?.code === retentionApproval.codes.gone)
        await dependencies.ending.end(proposal.id, approver, refusal.detail);
      return refusal;
    },
  };
}

export const retentionApproval = {
  what: 'proposal',
  approves: 'digest',
  waitsMs: 7 * 86_400_000,
  quorum: 1,
  proposer: 'keeps-right',
  separates: { scopes: [['retention:propose'], ['retention:approve']] },
  codes: {
    settled: 'proposal_settled',
    expired: 'proposal_settled',
    self: 'own_proposal',
    digest: 'proposal_outdated',
    dependent: 'approver_not_independent',
    gone: 'proposer_gone',
  },
  error: retentionErrors.error,
} as const satisfies DualControl<keyof typeof retentionErrors.codes>;

export const erasureApproval = {
  ...retentionApproval,
  separates: { scopes: [['erasure:propose'], ['erasure:approve']] },
} as const satisfies DualControl<keyof typeof retentionErrors.codes>;

function waiting({ kind, status, expiresAt, digest, proposal: { people, at } }: Proposal): WaitingProposal {
  return {
    people,
    scope: kind === 'erasure' ? 'erasure:propose' : 'retention:propose',
    proposedAt: momentOf({ at }),
    expiresAt,
    decided: status === 'proposed' ? undefined : status,
    digest,
  };
}

export interface Decisions<Of extends Proposal> {
  /**
   * The work continues even if the caller disconnects. @param digest of the proposal as it was read @throws CodedError
   * `proposal_not_found`, `proposal_settled`, `own_proposal`, `approver_not_independent`, `proposal_outdated`
   */
  approve(id: string, digest: string, by: Requester): Promise<Of>;
  /** @throws CodedError `proposal_not_found`, `proposal_settled` */
  reject(id: string, reason: string, by: Requester): Promise<Of>;
}

export interface DecidingUseCase extends UseCase {
  readonly deciding: Deciding;
  /** Starts carrying out what was approved. */
  readonly begin: () => void;
}

interface Rejecting {
  readonly id: RecordId;
  readonly reason: string;
  readonly by: Requester;
}

/** How proposals of some kinds are approved and rejected. */
export function createDecisions<const Kind extends Proposal['kind']>(
  { kinds, commands, ledger, deciding, begin }: DecidingUseCase,
  rules: {
    readonly of: readonly Kind[];
    readonly operations: 'retention' | 'erasure';
    /** Checked before the command takes its turn, because it takes time. */
    readonly obstacle: (proposal: ProposalOf<Kind>, state: RetentionState) => Promise<CodedError | undefined>;
    readonly approval: (proposal: ProposalOf<Kind>, state: RetentionState) => Pick<RecordContent, 'type' | 'data'>;
  },
): Decisions<ProposalOf<Kind>> {
  const of = (state: RetentionState, id: string) => proposalOf(state, id, rules.of);

  const approve: RetentionCommand<Decision<ProposalOf<Kind>>, RetentionState> = {
    ...plain,
    kind: kinds.decided,
    about: ({ of: { id } }) => id,
    async check({ ask, state }) {
      const refusal =
        ask.refusal ??
        deciding.settled(of(state, ask.of.id)) ??
        (state.governedUpTo === ask.governedUpTo ? undefined : changedMeanwhile());
      if (refusal !== undefined) throw refusal;
    },
    record: ({ ask: { of: proposal, by }, state }) => ({
      ...rules.approval(proposal, state),
      outcome: 'done',
      ...recordedAs(by),
      references: [proposal.id],
    }),
    ends: true,
    refused: (error, { ask }) =>
      ledger.refusalOf(error, { operation: `${rules.operations}:approve`, about: ask.of.id }, ask.by),
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
    record: ({ ask: { id, reason, by }, state }) => ({
      ...rejection(of(state, id), reason),
      outcome: 'done',
      ...recordedAs(by),
    }),
    ends: true,
    refused: (error, { ask }) =>
      ledger.refusalOf(error, { operation: `${rules.operations}:reject`, about: ask.id }, ask.by),
    release: (state) => state,
  };

  return {
    async approve(id, digest, by) {
      const judged = await ledger.current();
      const proposal = of(judged, id);
      const refusal = (await deciding.refusalOf(proposal, digest, by)) ?? (await rules.obstacle(proposal, judged));
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

function changedMeanwhile(): CodedError {
  return retentionErrors.error(
    'proposal_outdated',
    'A hold or the schedule has changed while this was being approved: read the proposal again.',
  );
}

export interface Ending {
  /** Ends undecided proposals that a person made, directly or through others. @returns how many, each recorded */
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
  /** @returns whether this call ended it */
  end(id: RecordId, by: Requester, reason: string): Promise<boolean>;
}

export function createEnding({ kinds, commands, ledger }: Pick<UseCase, 'kinds' | 'commands' | 'ledger'>): Ending {
  const end: RetentionCommand<Rejecting, boolean> = {
    ...plain,
    kind: kinds.decided,
    about: ({ id }) => id,
    done({ ask, state, now }) {
      const proposal = state.proposals.get(ask.id);
      return proposal === undefined || statusOf(proposal, now) !== 'proposed' ? false : undefined;
    },
    check: async () => undefined,
    record: ({ ask: { id, by, reason }, state }) => ({
      ...rejection(proposalOf(state, id, ['schedule', 'pruning', 'erasure']), reason),
      outcome: 'done',
      ...recordedAs(by),
    }),
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
          momentOf(proposal) <= before &&
          (await commands.run(end, { id, by, reason }))
        )
          ended += 1;
      return ended;
    },
  };
}

function rejection(
  { id, kind, proposal }: Proposal,
  reason: string,
): Pick<RecordContent, 'type' | 'references' | 'data'> {
  const data = { proposal: id, proposed_by: proposal.by.id, reason };
  return kind === 'erasure'
    ? { type: 'erasure.rejected', references: [id], data }
    : { type: 'retention.rejected', references: [id], data: { ...data, kind } };
}

function momentOf({ at }: Pick<Proposal['proposal'], 'at'>): number {
  return parseInstant(at) ?? Number.NEGATIVE_INFINITY;
}
