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
  type AuthorityClass,
  type CertificateProfileName,
  type CertificateProfileTerms,
  certificateAuthorityErrors,
  peopleOf,
  type RecordDraft,
  type Requester,
  recordedRequester,
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
import type { CertificateAuthorityDependencies } from './dependencies.ts';
import type { CeremonyResult, PkiState, Proposal } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';

/** A change of a profile's terms, or the certificates of a ceremony. */
export type Proposable =
  | { readonly kind: 'profile'; readonly about: CertificateProfileName; readonly terms: CertificateProfileTerms }
  | { readonly kind: 'authority'; readonly about: AuthorityClass; readonly authority: CeremonyResult };

/** Changes of profiles and authorities that need two people. They exist as records only. */
export interface Proposals {
  /** Proposes a change that the caller has checked. */
  propose(proposable: Proposable, reason: string, by: Requester): Promise<Proposal>;
  /**
   * @param check examines the proposal again before it takes effect
   * @throws CodedError `authority_proposal_unknown`, `authority_proposal_settled`, `authority_own_proposal`
   */
  approve(id: string, digest: string, by: Requester, check: (proposal: Proposal) => Promise<void>): Promise<Proposal>;
  reject(id: string, reason: string, by: Requester): Promise<Proposal>;
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
}

const { error } = certificateAuthorityErrors;

/** The approval rules for profiles and authorities. */
export const authorityApproval = {
  what: 'proposal',
  approves: 'digest',
  waitsMs: 7 * 86_400_000,
  quorum: 1,
  proposer: 'keeps-right',
  separates: { scopes: [['authority:propose'], ['authority:approve']] },
  codes: {
    settled: 'authority_proposal_settled',
    expired: 'authority_proposal_settled',
    self: 'authority_own_proposal',
    digest: 'authority_proposal_outdated',
    dependent: 'authority_approver_dependent',
    gone: 'authority_proposer_gone',
  },
  error,
} as const satisfies DualControl<keyof typeof certificateAuthorityErrors.codes>;

type Command<Ask, Answer> = LoggedCommand<Ask, RecordId, PkiState, undefined, Answer>;
interface Deciding {
  readonly id: RecordId;
  readonly by: Requester;
  readonly reason?: string;
  readonly refusal?: CodedError | undefined;
}

/** Steps that are empty in every command here. */
const plain = { facts: async () => undefined, done: () => undefined, after: async () => undefined } as const;

export function createProposals(
  dependencies: Pick<
    CertificateAuthorityDependencies,
    'pool' | 'audit' | 'clock' | 'random' | 'independence' | 'proposerStanding' | 'publishBeforeUseMs'
  > & { readonly ledger: Ledger },
): Proposals {
  const { pool, audit, clock, random, ledger, publishBeforeUseMs = 86_400_000 } = dependencies;
  const source = 'certificate-authority';
  const commands = createLoggedCommands({ pool, log: audit, source, clock });
  const second = createSecondPerson(authorityApproval, dependencies);
  const lock: LoggedKind<RecordId, PkiState>['lock'] = (session) => takeNamedLock(session, 'decisions');
  const started = { kind: 'pki-proposal', lock, read: () => ledger.current() };
  const decided = { kind: 'pki-decision', lock, read: () => ledger.current() };

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
      type: 'pki.proposed',
      outcome: 'done',
      ...recordedRequester(by),
      data: {
        ...contentOf(what),
        reason,
        expires_at: toInstant(now + authorityApproval.waitsMs),
        digest: digestOf({ ...contentOf(what), reason }),
      },
    }),
    ends: false,
    refused: refused('authority:propose'),
    release: proposalOf,
  };

  const approve: Command<Deciding, PkiState> = {
    ...plain,
    kind: decided,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const refusal = ask.refusal ?? second.settled(waiting(proposalOf(state, ask.id)));
      if (refusal !== undefined) throw refusal;
    },
    record({ ask, state, now }) {
      const { id, digest, proposal, kind } = proposalOf(state, ask.id);
      return {
        type: 'pki.approved',
        outcome: 'done',
        ...recordedRequester(ask.by),
        references: [id],
        data: {
          ...{ proposal: id, digest, proposed_by: proposal.by.id },
          ...(kind === 'authority' ? { usable_from: toInstant(now + publishBeforeUseMs) } : {}),
        },
      };
    },
    ends: true,
    refused: refused('authority:approve'),
    release: (state) => state,
  };

  const reject: Command<Deciding, PkiState> = {
    ...plain,
    kind: decided,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const refusal = second.settled(waiting(proposalOf(state, ask.id)));
      if (refusal !== undefined) throw refusal;
    },
    record: ({ ask, state }) => ({
      type: 'pki.rejected',
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
    refused: refused('authority:reject'),
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
      if (refusal?.code === authorityApproval.codes.gone)
        await commands.run(reject, { id: proposal.id, by, reason: refusal.detail });
      if (refusal === undefined) await check(proposal);
      return proposalOf(await commands.run(approve, { id: proposal.id, by, refusal }), id);
    },
    async reject(id, reason, by) {
      const { id: known } = proposalOf(await ledger.current(), id);
      return proposalOf(await commands.run(reject, { id: known, reason: readReason(reason), by }), id);
    },
    async endProposalsOf(proposer, { before, by, reason }) {
      const { proposals } = await ledger.current();
      let ended = 0;
      for (const { id, proposal, status, expiresAt } of proposals.values()) {
        const isOpen = statusAt(status, expiresAt, clock.now()) === 'proposed';
        if (!isOpen || !proposal.people.includes(proposer) || (parseInstant(proposal.at) ?? 0) > before) continue;
        await commands.run(reject, { id, by, reason });
        ended += 1;
      }
      return ended;
    },
  };
}

/** @throws CodedError `authority_proposal_unknown` */
export function proposalOf({ proposals }: PkiState, id: string): Proposal {
  const proposal = proposals.get(id);
  if (proposal === undefined) throw error('authority_proposal_unknown', 'There is no proposal with this id.');
  return proposal;
}

/** What the digest of a proposal covers. */
function contentOf(what: Proposable) {
  if (what.kind === 'profile') {
    const { enabled, lifetimeSeconds, dnsNames } = what.terms;
    const terms = { enabled, lifetime_seconds: lifetimeSeconds, dns_names: [...dnsNames] };
    return { kind: what.kind, about: what.about, terms };
  }
  const { id, certificate, root, transcript } = what.authority;
  const authority = { id, certificate: base64Url(certificate), root: base64Url(root), transcript };
  return { kind: what.kind, about: what.about, authority };
}

const base64Url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');

function readReason(text: string): string {
  if (text.trim() === '' || text.length > 500 || !isVisibleText(text))
    throw error('profile_terms_invalid', 'The reason must be one line of text of at most 500 characters.');
  return text;
}

function waiting({ status, expiresAt, digest, proposal: { people, at } }: Proposal): WaitingProposal {
  return {
    people,
    scope: 'authority:propose',
    proposedAt: parseInstant(at) ?? Number.NEGATIVE_INFINITY,
    expiresAt,
    decided: status === 'proposed' ? undefined : status,
    digest,
  };
}
