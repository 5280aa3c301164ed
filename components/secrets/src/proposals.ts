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
  peopleOf,
  type RecordDraft,
  type Requester,
  recordedRequester,
  secretsErrors,
} from '@countersign/contracts';
import {
  type CodedError,
  digestOf,
  isCodedError,
  isVisibleText,
  newId,
  parseInstant,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import type { Proposable } from './definitions.ts';
import type { SecretsDependencies } from './dependencies.ts';
import { contentOf, type Ledger, type Proposal, type SecretsState } from './ledger/index.ts';

/** The result of the check before a proposal takes effect, for its record. */
export interface Examined {
  readonly probe?: 'trade-only' | 'waived';
}

/** Changes of roles, secrets and keys of venues that need two people. They exist as records only. */
export interface Proposals {
  /** Proposes a change that the caller has checked. */
  propose(proposable: Proposable, reason: string, by: Requester): Promise<Proposal>;
  /**
   * @param check examines the proposal again before it takes effect
   * @throws CodedError `secret_proposal_unknown`, `secret_proposal_settled`, `secret_own_proposal` and others
   */
  approve(
    id: string,
    digest: string,
    by: Requester,
    check: (proposal: Proposal) => Promise<Examined>,
  ): Promise<Proposal>;
  reject(id: string, reason: string, by: Requester): Promise<Proposal>;
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
}

const { error } = secretsErrors;

/** The approval rules for roles, secrets and keys of venues. */
export const secretApproval = {
  what: 'proposal',
  approves: 'digest',
  waitsMs: 7 * 86_400_000,
  quorum: 1,
  proposer: 'keeps-right',
  separates: { scopes: [['secret:propose'], ['secret:approve']] },
  codes: {
    settled: 'secret_proposal_settled',
    expired: 'secret_proposal_settled',
    self: 'secret_own_proposal',
    digest: 'secret_proposal_outdated',
    dependent: 'secret_approver_dependent',
    gone: 'secret_proposer_gone',
  },
  error,
} as const satisfies DualControl<keyof typeof secretsErrors.codes>;

type Command<Ask, Answer> = LoggedCommand<Ask, RecordId, SecretsState, undefined, Answer>;
interface Deciding {
  readonly id: RecordId;
  readonly by: Requester;
  readonly reason?: string;
  readonly refusal?: CodedError | undefined;
  readonly examined?: Examined;
}

/** Steps that are empty in every command here. */
const plain = { facts: async () => undefined, done: () => undefined, after: async () => undefined } as const;
const source = 'secrets';

export function createProposals(
  dependencies: Pick<
    SecretsDependencies,
    'pool' | 'audit' | 'clock' | 'random' | 'independence' | 'proposerStanding'
  > & {
    readonly ledger: Ledger;
  },
): Proposals {
  const { pool, audit, clock, random, ledger } = dependencies;
  const commands = createLoggedCommands({ pool, log: audit, source, clock });
  const second = createSecondPerson(secretApproval, dependencies);
  const lock: LoggedKind<RecordId, SecretsState>['lock'] = (session) => takeNamedLock(session, 'decisions');
  const started = { kind: 'secret-proposal', lock, read: () => ledger.current() };
  const decided = { kind: 'secret-decision', lock, read: () => ledger.current() };

  const refused =
    (operation: string) =>
    ({ category, code }: CodedError, { ask }: { readonly ask: { readonly by: Requester; readonly id: RecordId } }) =>
      category === 'forbidden' || category === 'conflict'
        ? ({
            id: newId('record', { clock, random }),
            source,
            ...recordedRequester(ask.by),
            type: 'access.refused',
            outcome: 'deny',
            reason: code,
            data: { operation, about: ask.id },
          } satisfies RecordDraft)
        : undefined;

  const propose: Command<
    { readonly id: RecordId; readonly what: Proposable; readonly reason: string; readonly by: Requester },
    Proposal
  > = {
    ...plain,
    kind: started,
    about: ({ id }) => id,
    check: async () => undefined,
    record: ({ ask: { what, reason, by }, now }) => ({
      type: 'secrets.proposed',
      outcome: 'done',
      ...recordedRequester(by),
      data: {
        ...contentOf(what),
        reason,
        expires_at: toInstant(now + secretApproval.waitsMs),
        digest: digestOf({ ...contentOf(what), reason }),
      },
    }),
    ends: false,
    refused: refused('secret:propose'),
    release: proposalOf,
  };

  const approve: Command<Deciding, SecretsState> = {
    ...plain,
    kind: decided,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const refusal = ask.refusal ?? second.settled(waiting(proposalOf(state, ask.id)));
      if (refusal !== undefined) throw refusal;
    },
    record({ ask, state }) {
      const { id, digest, proposal } = proposalOf(state, ask.id);
      return {
        type: 'secrets.approved',
        outcome: 'done',
        ...recordedRequester(ask.by),
        references: [id],
        data: { proposal: id, digest, proposed_by: proposal.by.id, ...ask.examined },
      };
    },
    ends: true,
    refused: refused('secret:approve'),
    release: (state) => state,
  };

  const reject: Command<Deciding, SecretsState> = {
    ...plain,
    kind: decided,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const refusal = second.settled(waiting(proposalOf(state, ask.id)));
      if (refusal !== undefined) throw refusal;
    },
    record: ({ ask, state }) => ({
      type: 'secrets.rejected',
      outcome: 'done',
      ...recordedRequester(ask.by),
      references: [ask.id],
      data: {
        proposal: ask.id,
        proposed_by: proposalOf(state, ask.id).proposal.by.id,
        reason: ask.reason ?? '',
      },
    }),
    ends: true,
    refused: refused('secret:reject'),
    release: (state) => state,
  };

  return {
    async propose(what, reason, by) {
      const id = newId('record', { clock, random });
      return commands.run(propose, { id, what, reason: readReason(reason), by });
    },
    async approve(id, digest, by, check) {
      const proposal = proposalOf(await ledger.current(), id);
      const refusal = await second.refusalOf(waiting(proposal), { people: peopleOf(by), digest });
      if (refusal?.code === secretApproval.codes.gone)
        await commands.run(reject, { id: proposal.id, by, reason: refusal.detail });
      const examined = refusal === undefined ? await examine(() => check(proposal)) : { refusal };
      return proposalOf(await commands.run(approve, { id: proposal.id, by, ...examined }), id);
    },
    async reject(id, reason, by) {
      const { id: known } = proposalOf(await ledger.current(), id);
      return proposalOf(await commands.run(reject, { id: known, reason: readReason(reason), by }), id);
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

/** The command records a refusal. Other failures abort the approval at once. */
async function examine(check: () => Promise<Examined>): Promise<Pick<Deciding, 'examined' | 'refusal'>> {
  try {
    return { examined: await check() };
  } catch (failure) {
    if (!isCodedError(failure) || failure.category !== 'forbidden') throw failure;
    return { refusal: failure };
  }
}

/** @throws CodedError `secret_proposal_unknown` */
export function proposalOf({ proposals }: SecretsState, id: string): Proposal {
  const proposal = proposals.get(id);
  if (proposal === undefined) throw error('secret_proposal_unknown', 'There is no proposal with this id.');
  return proposal;
}

function readReason(text: string): string {
  if (text.trim() === '' || text.length > 500 || !isVisibleText(text))
    throw error('secret_definition_invalid', 'The reason must be one line of text of at most 500 characters.');
  return text;
}

function waiting({ status, expiresAt, digest, proposal: { people, at } }: Proposal): WaitingProposal {
  return {
    people,
    scope: 'secret:propose',
    proposedAt: parseInstant(at) ?? Number.NEGATIVE_INFINITY,
    expiresAt,
    decided: status === 'proposed' ? undefined : status,
    digest,
  };
}
