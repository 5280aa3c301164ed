import { createSecondPerson } from '@countersign/commands';
import {
  type Actor,
  type AuditAppender,
  createStandingCheck,
  type Directory,
  type DirectoryChangeRequest,
  directoryErrors,
  ended,
  type Independence,
  type ProfileChanges,
  type ProposerStanding,
  peopleOf,
  type RecordDraft,
  recordedRequester,
  type StandingReader,
  standing,
  trustErrors,
} from '@countersign/contracts';
import {
  type ChangeId,
  type Clock,
  type CodedError,
  isCodedError,
  newId,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { hasDepartedSince } from '../departures/store.ts';
import type { LiveGraph } from '../live-graph.ts';
import { createProblems, type Problems } from '../problems.ts';
import { digestOfContent, digestOfProposal } from '../proposal.ts';
import { changesInBrief } from '../records.ts';
import type { Attempt, Refusals } from '../refusals.ts';
import { requestClaim, requestThing } from '../row-claims.ts';
import type { ChangeScope } from '../rules/findings.ts';
import type { State } from '../state.ts';
import type { Session } from '../store.ts';
import { createPlanner, type Plan, type PlannedEntity } from './plans.ts';
import { readReason } from './reason.ts';
import {
  actorOf,
  interrupted,
  notFound,
  outdated,
  proposerDeparted,
  shown,
  statusOf,
  twoPeople,
  waiting,
} from './request.ts';
import {
  decideRequest,
  findRequest,
  insertRequest,
  listRequests,
  lockRequest,
  openRequestsOf,
  type StoredRequest,
  sweepRequests,
} from './store.ts';

const lifeMs = 24 * 3_600_000;
/** How long a request can still be looked at when it is over. */
const keptMs = 90 * 24 * 3_600_000;
const maxListed = 100;

/** A request with what it would make of each entity; without the latter once it is decided or has expired. */
export interface ChangeRequestView {
  readonly request: DirectoryChangeRequest;
  /** Whether it can still be approved and would do what was proposed. */
  readonly stands: boolean;
  readonly entities: readonly PlannedEntity[];
}

export interface ChangeRequests {
  /** @param scope by which it may be proposed */
  readonly propose: (
    ...asked: readonly [...Parameters<Directory['propose']>, scope: ChangeScope]
  ) => ReturnType<Directory['propose']>;
  readonly approve: Directory['approve'];
  readonly reject: Directory['reject'];
  readonly list: Directory['changeRequests'];
  /** Ends what somebody proposed until a moment and nobody has decided. @returns how many this call ended, each recorded */
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
  /** @throws CodedError `change_not_found` */
  view(id: ChangeId): Promise<ChangeRequestView>;
}

/** Changes by two people: one proposes, another approves exactly that, within a day and once. */
export function createChangeRequests(dependencies: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender & StandingReader;
  readonly graph: LiveGraph;
  /** Roles by which somebody governs. */
  readonly governing: ReadonlySet<string>;
  readonly refusals: Refusals;
  readonly newRecordId: () => RecordId;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  readonly profiles?: (() => ProfileChanges | undefined) | undefined;
}): ChangeRequests {
  const { pool, clock, audit, graph, refusals } = dependencies;
  const plan = createPlanner(dependencies);
  const second = createSecondPerson(twoPeople, dependencies);
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'directory' });

  async function record(
    draft: Pick<RecordDraft, 'type' | 'subject' | 'actors' | 'references' | 'standing' | 'data'> &
      Partial<Pick<RecordDraft, 'id'>>,
  ): Promise<RecordId> {
    const id = draft.id ?? dependencies.newRecordId();
    await audit.append({ source: 'directory', outcome: 'done', ...draft, id });
    return id;
  }

  async function stopAt(problems: Problems, attempt: Attempt): Promise<void> {
    const error = problems.asError();
    if (error !== undefined) await refusals.refuse(error, attempt);
  }

  /** The request, locked, if it can still be decided; whoever decides too late or twice is refused. */
  async function lockOpen(session: pg.PoolClient, id: ChangeId, attempt: Attempt): Promise<StoredRequest> {
    const request = await lockRequest(session, id);
    if (request === undefined) throw notFound();
    const late = second.settled(waiting(request));
    if (late !== undefined) return refusals.refuse(late, attempt);
    if (!(await isOpen(request))) return refusals.refuse(interrupted(), attempt);
    return request;
  }

  /**
   * Whether somebody proposed it as its row says. Once it is decided its newest record says so, whatever the row says.
   *
   * @throws CodedError `authority_unproven`, `log_unavailable`
   */
  async function isOpen(request: StoredRequest): Promise<boolean> {
    const claim = requestClaim(request);
    const newest = (await audit.standings([claim.of])).get(claim.of);
    if (newest !== undefined && newest.digest === undefined) return false;
    await standings.require(claim);
    return true;
  }

  /** Of what is listed as undecided, what was proposed and not decided. */
  async function openOnes(requests: readonly StoredRequest[]): Promise<ReadonlySet<ChangeId>> {
    const undecided = await standings.standing(requests.map(({ id }) => requestThing(id)));
    const claims = requests
      .filter(({ id }) => undecided.has(requestThing(id)))
      .map((request) => ({ ...requestClaim(request), id: request.id }));
    return new Set((await standings.holding(claims)).map(({ id }) => id));
  }

  /** Whether who proposed it has gone, by our own tables. */
  async function departed(
    session: Session,
    { proposedBy, proposedAt }: StoredRequest,
  ): Promise<CodedError | undefined> {
    return (await hasDepartedSince(session, proposedBy, proposedAt)) ? proposerDeparted() : undefined;
  }

  /** What was proposed, planned on what is there now; undefined where it can no longer be approved as it is. */
  async function planAnew(
    { proposal, scope, basis, digest }: StoredRequest,
    base: State,
    session?: pg.PoolClient,
  ): Promise<{ readonly planned: Plan; readonly stands: boolean } | undefined> {
    if (proposal === null) return undefined;
    const problems = createProblems();
    try {
      const planned = await plan(proposal, { base, scope, problems, ...(session === undefined ? {} : { session }) });
      const same = planned.basis === basis && digestOfProposal(proposal) === digest;
      return { planned, stands: same && problems.count() === 0 };
    } catch (error) {
      // A trust profile that cannot be registered any more.
      if (isCodedError(error) && Object.hasOwn(trustErrors.codes, error.code)) return undefined;
      throw error;
    }
  }

  async function decide(
    session: pg.PoolClient,
    id: ChangeId,
    status: 'approved' | 'rejected',
    { id: decidedBy }: Actor,
  ): Promise<void> {
    if (!(await decideRequest(session, id, status, decidedBy)))
      throw new Error('a change request was decided while its row was locked');
  }

  return {
    async propose(what, requester, reasonText, scope) {
      const by = actorOf(requester);
      const reason = readReason(reasonText);
      const attempt: Attempt = { operation: 'directory:propose', by, digest: () => digestOfContent(what) };
      const problems = createProblems();
      await graph.refresh();
      const { changes, basis, unrightful } = await plan(what, { base: graph.state(), scope, problems });
      await stopAt(problems, attempt);
      if (unrightful !== undefined) return refusals.refuse(unrightful, attempt);
      if (changes.length === 0)
        throw directoryErrors.error('directory_file_invalid', 'This changes nothing: there is nothing to approve.');
      const now = clock.now();
      const id = newId('change', dependencies);
      const digest = digestOfProposal(what);
      const recordId = dependencies.newRecordId();
      const request = {
        id,
        proposedBy: by.id,
        through: requester.through ?? [],
        scope,
        proposedAt: new Date(now),
        expiresAt: new Date(now + lifeMs),
        reason,
        changes,
        basis,
        digest,
        proposal: what,
        recordId,
      };
      const { of, content } = requestClaim(request);
      await record({
        id: recordId,
        type: 'directory.change-proposed',
        ...recordedRequester(requester),
        standing: [standing(of, content)],
        data: {
          change_request: id,
          digest,
          reason,
          expires_at: toInstant(now + lifeMs),
          ...changesInBrief(changes),
        },
      });
      await transaction(pool, async (session) => {
        await sweepRequests(session, new Date(now), new Date(now - keptMs));
        await insertRequest(session, request);
      });
      return shown({ ...request, status: 'proposed', decidedBy: null }, now);
    },

    async approve(id, digest, requester) {
      const by = actorOf(requester);
      const attempt: Attempt = { operation: 'directory:approve', by, change: id };
      const next = await transaction(pool, async (session) => {
        const base = await graph.lock(session);
        const request = await lockOpen(session, id, attempt);
        const refusal =
          (await second.refusalOf(waiting(request), { people: peopleOf(requester), digest })) ??
          (await departed(session, request));
        if (refusal !== undefined) return refusals.refuse(refusal, attempt);
        const anew = await planAnew(request, base, session);
        if (anew?.stands !== true) return refusals.refuse(outdated(), attempt);
        const { planned } = anew;
        // What was proposed while the directory was empty may hold findings; now compliance records them.
        if (planned.unrightful !== undefined) return refusals.refuse(planned.unrightful, attempt);
        const { proposedBy, reason, recordId } = request;
        const made = await planned.carryOut(session, {
          ...{ change: id, proposedBy, reason, digest, by },
          record: () =>
            record({
              type: 'directory.change-approved',
              ...recordedRequester(requester),
              references: [recordId],
              standing: [ended(requestThing(id))],
              data: { change_request: id, digest, proposed_by: proposedBy },
            }),
        });
        await decide(session, id, 'approved', by);
        return { ...made, changes: planned.changes };
      });
      await next.committed();
      return { version: next.version, changes: next.changes };
    },

    async reject(id, requester, reasonText) {
      const by = actorOf(requester);
      const reason = readReason(reasonText);
      return transaction(pool, async (session) => {
        const request = await lockOpen(session, id, { operation: 'directory:reject', by, change: id });
        await record({
          type: 'directory.change-rejected',
          subject: by,
          references: [request.recordId],
          standing: [ended(requestThing(id))],
          data: { change_request: id, digest: request.digest, proposed_by: request.proposedBy, reason },
        });
        await decide(session, id, 'rejected', by);
        return shown({ ...request, status: 'rejected', decidedBy: by.id }, clock.now());
      });
    },

    async endProposalsOf(proposer, { before, by, reason }) {
      let count = 0;
      for (const id of await openRequestsOf(pool, proposer, new Date(before)))
        await transaction(pool, async (session) => {
          const request = await lockRequest(session, id);
          if (request === undefined || statusOf(request, clock.now()) !== 'proposed') return;
          if (!(await openOnes([request])).has(id)) return;
          await record({
            type: 'directory.change-rejected',
            subject: by,
            references: [request.recordId],
            standing: [ended(requestThing(id))],
            data: { change_request: id, digest: request.digest, proposed_by: request.proposedBy, reason },
          });
          await decide(session, id, 'rejected', by);
          count += 1;
        });
      return count;
    },

    async list({ status } = {}) {
      const now = clock.now();
      const requests = await listRequests(pool, { status, now: new Date(now), limit: maxListed });
      const open = await openOnes(requests.filter((request) => statusOf(request, now) === 'proposed'));
      return requests
        .filter((request) => statusOf(request, now) !== 'proposed' || open.has(request.id))
        .map((request) => shown(request, now));
    },

    async view(id) {
      const request = await findRequest(pool, id);
      if (request === undefined) throw notFound();
      await graph.refresh();
      const base = graph.state();
      const stands = statusOf(request, clock.now()) === 'proposed' && (await isOpen(request));
      const anew = await planAnew(request, base);
      const view = shown(request, clock.now());
      return {
        request: view,
        stands:
          stands &&
          anew?.stands === true &&
          ((await departed(pool, request)) ?? (await second.gone(waiting(request)))) === undefined,
        entities: anew?.planned.entities() ?? [],
      };
    },
  };
}
