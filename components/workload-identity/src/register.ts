import {
  createLoggedCommands,
  createSecondPerson,
  type DualControl,
  type LoggedCommand,
  type LoggedKind,
  statusAt,
  type WaitingProposal,
} from '@countersign/commands';
import {
  type Actor,
  ended,
  peopleOf,
  type RecordDraft,
  type Requester,
  recordedRequester,
  type Standing,
  standing,
  supersededWorkloadThing,
  suspendedWorkloadThing,
  type WorkloadTerms,
  workloadErrors,
} from '@countersign/contracts';
import {
  type CodedError,
  digestOf,
  isVisibleText,
  newId,
  parseInstant,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import type { WorkloadIdentityDependencies } from './dependencies.ts';
import type { EntryState, ProposalState, RegisterState } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';
import { documentOf, isEntryName } from './terms.ts';

/** Registration entries of workloads, whose changes need two people. They exist as records only. */
export interface Register {
  propose(entry: string, terms: WorkloadTerms, reason: string, by: Requester): Promise<ProposalState>;
  /** @throws CodedError `workload_proposal_unknown`, `workload_proposal_settled`, `workload_own_proposal` and others */
  approve(id: string, digest: string, by: Requester): Promise<ProposalState>;
  reject(id: string, reason: string, by: Requester): Promise<ProposalState>;
  /** One person can suspend a workload. Idempotent. */
  suspend(entry: string, reason: string, by: Requester): Promise<EntryState>;
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
}

const { error } = workloadErrors;
const source = 'workload-identity';

/** The approval rules for registration entries. */
export const workloadApproval = {
  what: 'registration entry',
  approves: 'digest',
  waitsMs: 7 * 86_400_000,
  quorum: 1,
  proposer: 'keeps-right',
  separates: { scopes: [['workload:propose'], ['workload:approve']] },
  codes: {
    settled: 'workload_proposal_settled',
    expired: 'workload_proposal_settled',
    self: 'workload_own_proposal',
    digest: 'workload_proposal_outdated',
    dependent: 'workload_approver_dependent',
    gone: 'workload_proposer_gone',
  },
  error,
} as const satisfies DualControl<keyof typeof workloadErrors.codes>;

type Command<Ask, Answer> = LoggedCommand<Ask, string, RegisterState, undefined, Answer>;
interface Deciding {
  readonly id: RecordId;
  readonly by: Requester;
  readonly reason?: string;
  readonly refusal?: CodedError | undefined;
}

/** Steps that are empty in every command here. */
const plain = { facts: async () => undefined, after: async () => undefined } as const;

export function createRegister(
  dependencies: Pick<
    WorkloadIdentityDependencies,
    'pool' | 'audit' | 'clock' | 'random' | 'independence' | 'proposerStanding'
  > & { readonly ledger: Ledger },
): Register {
  const { pool, audit, clock, random, ledger } = dependencies;
  const commands = createLoggedCommands({ pool, log: audit, source, clock });
  const second = createSecondPerson(workloadApproval, dependencies);
  const lock: LoggedKind<string, RegisterState>['lock'] = (session) => takeNamedLock(session, 'decisions');
  const read = () => ledger.current();
  const kinds = {
    started: { kind: 'workload-proposal', lock, read },
    decided: { kind: 'workload-decision', lock, read },
    suspended: { kind: 'workload-suspension', lock, read },
  };

  const refused =
    (operation: string) =>
    (
      { category, code }: CodedError,
      { ask }: { readonly ask: { readonly by: Requester; readonly id: string } },
    ): RecordDraft | undefined =>
      category === 'forbidden' || category === 'conflict'
        ? {
            id: newId('record', { clock, random }),
            source,
            ...recordedRequester(ask.by),
            type: 'access.refused',
            outcome: 'deny',
            reason: code,
            data: { operation, about: ask.id },
          }
        : undefined;

  const propose: Command<
    {
      readonly id: RecordId;
      readonly entry: string;
      readonly terms: WorkloadTerms;
      readonly reason: string;
      readonly by: Requester;
    },
    ProposalState
  > = {
    ...plain,
    done: () => undefined,
    kind: kinds.started,
    about: ({ id }) => id,
    async check({ ask, state }) {
      // A name never passes to another principal: verifiers and records know it.
      const known = state.entries.get(ask.entry);
      if (known !== undefined && known.terms.holder !== ask.terms.holder)
        throw error(
          'workload_terms_invalid',
          `The entry ${ask.entry} belongs to ${known.terms.holder}. Use another name.`,
        );
    },
    record: ({ ask: { entry, terms, reason, by }, now }) => ({
      type: 'workload.proposed',
      outcome: 'done',
      ...recordedRequester(by),
      data: {
        ...{ entry, terms: documentOf(terms), reason },
        expires_at: toInstant(now + workloadApproval.waitsMs),
        digest: digestOf({ entry, terms: documentOf(terms), reason }),
      },
    }),
    ends: false,
    refused: refused('workload:propose'),
    release: proposalOf,
  };

  const approve: Command<Deciding, RegisterState> = {
    ...plain,
    done: () => undefined,
    kind: kinds.decided,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const refusal = ask.refusal ?? second.settled(waiting(proposalOf(state, ask.id)));
      if (refusal !== undefined) throw refusal;
    },
    record({ ask, state }) {
      const { id, entry, digest, proposal, terms } = proposalOf(state, ask.id);
      return {
        type: 'workload.approved',
        outcome: 'done',
        ...recordedRequester(ask.by),
        references: [id],
        standing: [ended(suspendedWorkloadThing(entry)), ...supersede(entry, state.entries.get(entry)?.terms, terms)],
        data: { proposal: id, entry, digest, proposed_by: proposal.by.id },
      };
    },
    ends: true,
    refused: refused('workload:approve'),
    release: (state) => state,
  };

  const reject: Command<Deciding, RegisterState> = {
    ...plain,
    done: () => undefined,
    kind: kinds.decided,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const refusal = second.settled(waiting(proposalOf(state, ask.id)));
      if (refusal !== undefined) throw refusal;
    },
    record({ ask, state }) {
      const { id, entry, proposal } = proposalOf(state, ask.id);
      return {
        type: 'workload.rejected',
        outcome: 'done',
        ...recordedRequester(ask.by),
        references: [id],
        data: { proposal: id, entry, proposed_by: proposal.by.id, reason: ask.reason ?? '' },
      };
    },
    ends: true,
    refused: refused('workload:reject'),
    release: (state) => state,
  };

  const suspend: Command<{ readonly id: string; readonly reason: string; readonly by: Requester }, true> = {
    ...plain,
    kind: kinds.suspended,
    about: ({ id }) => id,
    done({ ask, state }) {
      return entryOf(state, ask.id).status === 'suspended' ? true : undefined;
    },
    check: async () => undefined,
    record: ({ ask: { id, reason, by }, state }) => ({
      type: 'workload.suspended',
      outcome: 'done',
      ...recordedRequester(by),
      standing: [standing(suspendedWorkloadThing(id), { entry: id })],
      data: { entry: id, holder: entryOf(state, id).terms.holder, reason },
    }),
    ends: false,
    refused: refused('workload:suspend'),
    release: () => true,
  };

  return {
    async propose(entry, terms, reason, by) {
      if (!isEntryName(entry))
        throw error(
          'workload_terms_invalid',
          'The name of an entry may have up to 64 lower-case letters, digits and hyphens.',
        );
      const id = newId('record', { clock, random });
      return commands.run(propose, { id, entry, terms, reason: readReason(reason), by });
    },
    async approve(id, digest, by) {
      const proposal = proposalOf(await ledger.current(), id);
      const refusal = await second.refusalOf(waiting(proposal), { people: peopleOf(by), digest });
      if (refusal?.code === workloadApproval.codes.gone)
        await commands.run(reject, { id: proposal.id, by, reason: refusal.detail });
      return proposalOf(await commands.run(approve, { id: proposal.id, by, refusal }), id);
    },
    async reject(id, reason, by) {
      const { id: known } = proposalOf(await ledger.current(), id);
      return proposalOf(await commands.run(reject, { id: known, reason: readReason(reason), by }), id);
    },
    async suspend(entry, reason, by) {
      entryOf(await ledger.current(), entry);
      await commands.run(suspend, { id: entry, reason: readReason(reason), by });
      return entryOf(await ledger.current(), entry);
    },
    async endProposalsOf(proposer, { before, by, reason }) {
      const { proposals } = await ledger.current();
      let ended = 0;
      for (const { id, proposal, status, expiresAt } of [...proposals.values()]) {
        const isOpen = statusAt(status, expiresAt, clock.now()) === 'proposed';
        if (!isOpen || !proposal.people.includes(proposer) || (parseInstant(proposal.at) ?? 0) > before) continue;
        await commands.run(reject, { id, by, reason });
        ended += 1;
      }
      return ended;
    },
  };
}

/** Certificates for an image and configuration end when the entry no longer permits both, and count again when it does. */
function supersede(entry: string, before: WorkloadTerms | undefined, now: WorkloadTerms): readonly Standing[] {
  const thingsOf = ({ images, configuration }: WorkloadTerms) =>
    new Set(images.map((image) => supersededWorkloadThing(entry, { image, configuration })));
  const permitted = thingsOf(now);
  const dropped = [...(before === undefined ? [] : thingsOf(before))].filter((of) => !permitted.has(of));
  return [...dropped.map((of) => standing(of, { entry })), ...[...permitted].map(ended)];
}

/** @throws CodedError `workload_proposal_unknown` */
export function proposalOf({ proposals }: RegisterState, id: string): ProposalState {
  const proposal = proposals.get(id);
  if (proposal === undefined) throw error('workload_proposal_unknown', 'There is no proposal with this id.');
  return proposal;
}

/** @throws CodedError `workload_unknown` */
export function entryOf({ entries }: RegisterState, name: string): EntryState {
  const entry = entries.get(name);
  if (entry === undefined) throw error('workload_unknown', 'There is no registration entry with this name.');
  return entry;
}

function readReason(text: string): string {
  if (text.trim() === '' || text.length > 500 || !isVisibleText(text))
    throw error('workload_terms_invalid', 'The reason must be one line of text of at most 500 characters.');
  return text;
}

function waiting({ status, expiresAt, digest, proposal: { people, at } }: ProposalState): WaitingProposal {
  return {
    people,
    scope: 'workload:propose',
    proposedAt: parseInstant(at) ?? Number.NEGATIVE_INFINITY,
    expiresAt,
    decided: status === 'proposed' ? undefined : status,
    digest,
  };
}
