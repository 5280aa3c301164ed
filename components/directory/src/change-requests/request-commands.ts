import type { Command, Given, RecordContent, SecondPerson } from '@countersign/commands';
import {
  type DirectoryChange,
  ended,
  peopleOf,
  type RecordDraft,
  type Requester,
  recordedRequester,
  standing,
} from '@countersign/contracts';
import { type ChangeId, type CodedError, type Digest, type Json, type RecordId, toInstant } from '@countersign/kernel';
import type pg from 'pg';
import { hasDepartedSince } from '../departures/store.ts';
import type { LiveGraph } from '../live-graph.ts';
import { changesInBrief } from '../records.ts';
import type { Attempt, Refusals } from '../refusals.ts';
import type { State } from '../state.ts';
import { approvedThing } from '../stored-contents.ts';
import type { RequestKind } from './recorded-request.ts';
import { notFound, proposerDeparted, statusOf, waiting } from './request.ts';
import type { RequestState, StoredRequest } from './store.ts';

export interface Proposing {
  readonly request: Omit<RequestState, 'status' | 'decidedBy' | 'recordId'>;
  readonly changes: readonly DirectoryChange[];
  readonly by: Requester;
}
export interface Approving {
  readonly id: ChangeId;
  readonly digest: Digest;
  readonly by: Requester;
}
export interface Rejecting {
  readonly id: ChangeId;
  readonly reason: string;
  readonly by: Requester;
}
export interface GivingUp extends Rejecting {
  readonly request: RequestState;
  readonly approval: RecordId;
  readonly error: CodedError;
}

interface Existing {
  readonly request: StoredRequest;
}
interface Judged extends Existing {
  /** Not evaluated for a decided request. */
  readonly obstacle: () => Promise<CodedError | undefined>;
  readonly departed: boolean;
}
interface StillApproved {
  readonly current: boolean;
}

type RequestCommand<Ask, Facts, Answer> = Command<Ask, ChangeId, RequestState, StoredRequest, Facts, Answer>;

/** {@link LiveGraph.run} or the trust registry carries out approved changes. */
export function createRequestCommands({
  kind,
  graph,
  second,
  refusals,
  obstacleTo,
  carryOut,
}: {
  readonly kind: RequestKind;
  readonly graph: LiveGraph;
  readonly second: SecondPerson;
  readonly refusals: Refusals;
  /** Why the proposed change cannot be made on this state, if it cannot. */
  readonly obstacleTo: (request: StoredRequest, base: State, session: pg.PoolClient) => Promise<CodedError | undefined>;
  readonly carryOut: () => Promise<void>;
}) {
  const nothing = async (): Promise<void> => undefined;
  const existing = (row: StoredRequest | undefined): Existing => {
    if (row === undefined) throw notFound();
    return { request: row };
  };
  const refused =
    (operation: Attempt['operation']) =>
    (error: CodedError, { ask: { id, by } }: { readonly ask: Pick<Rejecting, 'id' | 'by'> }): RecordDraft | undefined =>
      refusals.draftOf(error, { operation, by, change: id });

  const propose: RequestCommand<Proposing, undefined, ChangeId> = {
    kind,
    about: ({ request }) => request.id,
    facts: async () => undefined,
    done: () => undefined,
    // Planned and checked before it is stored.
    check: nothing,
    next: ({ ask }, record) => ({ ...ask.request, status: 'proposed', decidedBy: null, recordId: record }),
    before: nothing,
    record: ({ ask }, { id, digest, reason, expiresAt }) => ({
      type: 'directory.change-proposed',
      outcome: 'done',
      ...recordedRequester(ask.by),
      data: {
        change_request: id,
        digest,
        reason,
        expires_at: toInstant(expiresAt.getTime()),
        ...changesInBrief(ask.changes),
      },
    }),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: ({ id }) => id,
  };

  const approve: RequestCommand<Approving, Judged, ChangeId> = {
    kind,
    about: ({ id }) => id,
    async facts(session, { row, now }) {
      const { request } = existing(row);
      if (statusOf(request, now) !== 'proposed') return { request, departed: false, obstacle: async () => undefined };
      const base = await graph.lock(session);
      return {
        request,
        departed: await hasDepartedSince(session, request.proposedBy, request.proposedAt),
        obstacle: () => obstacleTo(request, base, session),
      };
    },
    // A second decision gets an error, a repeated one its first answer.
    done: ({ ask, facts: { request }, completed }) =>
      completed && request.status === 'approved' && request.decidedBy === ask.by.id && request.digest === ask.digest
        ? request.id
        : undefined,
    async check({ ask, facts: { request, departed, obstacle } }) {
      const refusal =
        (await second.refusalOf(waiting(request), { people: peopleOf(ask.by), digest: ask.digest })) ??
        (departed ? proposerDeparted() : undefined) ??
        (await obstacle());
      if (refusal !== undefined) throw refusal;
    },
    next: ({ ask, facts: { request } }) => ({ ...request, status: 'approved', decidedBy: ask.by.id }),
    before: nothing,
    record: ({ ask }, { id, digest, proposedBy, recordId }) => ({
      type: 'directory.change-approved',
      outcome: 'done',
      ...recordedRequester(ask.by),
      references: [recordId],
      // The next holder of the directory's lock carries it out before any other change.
      standing: [standing(approvedThing, { change: id })],
      data: { change_request: id, digest, proposed_by: proposedBy },
    }),
    ends: () => true,
    refused: refused('directory:approve'),
    after: carryOut,
    release: ({ id }) => id,
  };

  const rejectionRecord = <Ask extends Rejecting>(
    { ask: { by, reason } }: Pick<Given<Ask, StoredRequest, unknown>, 'ask'>,
    { id, digest, proposedBy, recordId }: RequestState,
  ): RecordContent & { readonly data: Readonly<Record<string, Json>> } => ({
    type: 'directory.change-rejected',
    outcome: 'done',
    ...recordedRequester(by),
    references: [recordId],
    data: { change_request: id, digest, proposed_by: proposedBy, reason },
  });

  const reject: RequestCommand<Rejecting, Existing, RequestState> = {
    kind,
    about: ({ id }) => id,
    facts: async (_session, { row }) => existing(row),
    done: ({ ask, facts: { request }, completed }) =>
      completed && request.status === 'rejected' && request.decidedBy === ask.by.id ? request : undefined,
    async check({ facts: { request } }) {
      const late = second.settled(waiting(request));
      if (late !== undefined) throw late;
    },
    next: ({ ask, facts: { request } }) => ({ ...request, status: 'rejected', decidedBy: ask.by.id }),
    before: nothing,
    record: rejectionRecord,
    ends: () => true,
    refused: refused('directory:reject'),
    after: nothing,
    release: (next) => next,
  };

  /** @returns whether this call ended the request */
  const withdraw: RequestCommand<Rejecting, undefined, boolean> = {
    kind,
    about: ({ id }) => id,
    facts: async () => undefined,
    done: ({ row, now }) => (row !== undefined && statusOf(row, now) === 'proposed' ? undefined : false),
    check: nothing,
    next: ({ ask, row }) => ({ ...existing(row).request, status: 'rejected', decidedBy: ask.by.id }),
    before: nothing,
    record: rejectionRecord,
    ends: () => true,
    refused: () => undefined,
    after: nothing,
    release: () => true,
  };

  /** Records the end of an approval that can no longer be carried out. @returns whether this call ended it */
  const giveUp: RequestCommand<GivingUp, StillApproved, boolean> = {
    kind,
    about: ({ id }) => id,
    // A manipulated row must not block all changes of the directory.
    unproven: 'none',
    facts: async (session, { ask }) => ({ current: (await graph.lockFor(session, ask.approval)) !== undefined }),
    done: ({ facts: { current } }) => (current ? undefined : false),
    check: nothing,
    next: ({ ask }) => ({ ...ask.request, status: 'rejected' }),
    before: nothing,
    record: (given, next) => ({
      ...rejectionRecord(given, next),
      outcome: 'deny',
      reason: given.ask.error.code,
      references: [next.recordId, given.ask.approval],
      standing: [ended(approvedThing)],
    }),
    ends: () => true,
    refused: () => undefined,
    after: nothing,
    release: () => true,
  };

  return { propose, approve, reject, withdraw, giveUp };
}
