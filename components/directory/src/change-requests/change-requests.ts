import {
  type Actor,
  type AuditAppender,
  createStandingCheck,
  type Directory,
  type DirectoryChange,
  type DirectoryChangeRequest,
  type DirectoryRequester,
  directoryErrors,
  ended,
  type ProposerStanding,
  type RecordDraft,
  type StandingReader,
  standing,
} from '@countersign/contracts';
import {
  type ChangeId,
  type Clock,
  type CodedError,
  newId,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { ChangeSet } from '../changes.ts';
import { hasDepartedSince } from '../departures/store.ts';
import { type Entry, type JsonDocument, keyOf, shownDocument } from '../entry.ts';
import type { LiveGraph } from '../live-graph.ts';
import { createProblems, type Problems } from '../problems.ts';
import { digestOfContent, digestOfProposal } from '../proposal.ts';
import { changesInBrief } from '../records.ts';
import type { Attempt, Refusals } from '../refusals.ts';
import { requestClaim, requestThing } from '../row-claims.ts';
import { type ChangeScope, refuseFindings } from '../rules/findings.ts';
import { governingGrants } from '../rules/governing.ts';
import { refuseRates } from '../rules/reference-data.ts';
import type { State } from '../state.ts';
import type { Session } from '../store.ts';
import { readReason } from './reason.ts';
import {
  actorOf,
  approvalRefusal,
  basisOf,
  interrupted,
  notFound,
  outdated,
  proposerGone,
  shown,
  statusOf,
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
  readonly entities: readonly {
    readonly change: DirectoryChange['change'];
    readonly kind: DirectoryChange['kind'];
    readonly id: string;
    readonly fields?: readonly string[];
    readonly before?: JsonDocument;
    readonly after?: JsonDocument;
  }[];
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
  readonly proposerStanding?: (() => ProposerStanding | undefined) | undefined;
}): ChangeRequests {
  const { pool, clock, audit, graph, governing, refusals } = dependencies;
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
    const status = statusOf(request, clock.now());
    if (status !== 'proposed')
      return refusals.refuse(
        directoryErrors.error('change_decided', `The change is ${status} already.`, { facts: { status } }),
        attempt,
      );
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

  /** Why who proposed it no longer may, where they may not. */
  async function lapseOf(session: Session, request: StoredRequest): Promise<CodedError | undefined> {
    const { proposedBy, proposedAt, through, scope } = request;
    if (await hasDepartedSince(session, proposedBy, proposedAt)) return proposerGone();
    const lapse = await dependencies.proposerStanding?.()?.({
      proposers: [proposedBy, ...through],
      scope,
      since: proposedAt.getTime(),
    });
    return lapse === undefined ? undefined : proposerGone(lapse);
  }

  /** What was proposed, planned on what is there now; undefined where it can no longer be approved as it is. */
  async function planAnew(
    request: StoredRequest,
    base: State,
    session?: pg.PoolClient,
  ): Promise<{ readonly changeSet: ChangeSet; readonly stands: boolean } | undefined> {
    if (request.proposal === null) return undefined;
    const problems = createProblems();
    const changeSet = await graph.evaluate(graph.read(request.proposal, problems), base, problems, session);
    const same = basisOf(changeSet, base) === request.basis && digestOfProposal(request.proposal) === request.digest;
    return { changeSet, stands: same && problems.count() === 0 };
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
      const wanted = graph.read(what, problems);
      await stopAt(problems, attempt);
      await graph.refresh();
      const base = graph.state();
      const changeSet = await graph.evaluate(wanted, base, problems);
      await stopAt(problems, attempt);
      const unrightful = refuseFindings(changeSet, base, scope) ?? refuseRates(changeSet, base, scope);
      if (unrightful !== undefined) return refusals.refuse(unrightful, attempt);
      const { changes } = changeSet;
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
        basis: basisOf(changeSet, base),
        digest,
        proposal: what,
        recordId,
      };
      const { of, content } = requestClaim(request);
      await record({
        id: recordId,
        type: 'directory.change-proposed',
        subject: by,
        ...actorsOf(requester),
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
        const refusal = approvalRefusal(request, digest, requester) ?? (await lapseOf(session, request));
        if (refusal !== undefined) return refusals.refuse(refusal, attempt);
        const plan = await planAnew(request, base, session);
        if (plan?.stands !== true) return refusals.refuse(outdated(), attempt);
        const { changeSet } = plan;
        // What was proposed while the directory was empty may hold findings; now compliance records them.
        const unrightful =
          refuseFindings(changeSet, base, request.scope) ?? refuseRates(changeSet, base, request.scope);
        if (unrightful !== undefined) return refusals.refuse(unrightful, attempt);
        const approved = await record({
          type: 'directory.change-approved',
          subject: by,
          ...actorsOf(requester),
          references: [request.recordId],
          standing: [ended(requestThing(id))],
          data: { change_request: id, digest, proposed_by: request.proposedBy },
        });
        const written = await graph.write(session, base, changeSet, {
          digest,
          by,
          reason: request.reason,
          approval: { change: id, proposedBy: request.proposedBy, record: approved },
        });
        await decide(session, id, 'approved', by);
        return { written, changes: changeSet.changes };
      });
      await graph.committed(next.written);
      return { version: next.written.state.version, changes: next.changes };
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
      const plan = await planAnew(request, base);
      const view = shown(request, clock.now());
      return {
        request: view,
        stands: stands && plan?.stands === true && (await lapseOf(pool, request)) === undefined,
        entities: plan === undefined ? [] : entitiesOf(plan.changeSet, base, governing),
      };
    },
  };
}

function actorsOf({ through = [] }: DirectoryRequester): Pick<RecordDraft, 'actors'> {
  return through.length === 0 ? {} : { actors: through.map((id) => ({ id })) };
}

/** Whoever approves that somebody may govern sees by which accounts they sign in; of others these names are not shown. */
function entitiesOf(changeSet: ChangeSet, base: State, governing: ReadonlySet<string>): ChangeRequestView['entities'] {
  const { changes, stored } = changeSet;
  const empowered = new Set(governingGrants(changeSet, base.stored, governing).map(({ principal }) => principal));
  return changes.map((line) => {
    const shownOf = (entry: Entry): JsonDocument => (empowered.has(line.id) ? entry.document : shownDocument(entry));
    const { change, kind, id } = line;
    const before = base.stored.get(keyOf(kind, id));
    const after = change === 'remove' ? undefined : stored.get(keyOf(kind, id));
    return {
      ...line,
      ...(before === undefined ? {} : { before: shownOf(before) }),
      ...(after === undefined ? {} : { after: shownOf(after) }),
    };
  });
}
