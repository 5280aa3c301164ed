import { createCommands, createRecordedThings, createSecondPerson } from '@countersign/commands';
import {
  type Actor,
  createStandingCheck,
  type Directory,
  type DirectoryChangeRequest,
  directoryErrors,
  type Independence,
  type ProfileChanges,
  type ProposerStanding,
  standingErrors,
  type TrustProfileInput,
  trustErrors,
} from '@countersign/contracts';
import {
  type ChangeId,
  type Clock,
  type CodedError,
  defined,
  digestOf,
  isCodedError,
  type Json,
  newId,
  parseId,
  type Random,
  type RecordId,
} from '@countersign/kernel';
import { type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { hasDepartedSince } from '../departures/store.ts';
import type { LiveGraph } from '../live-graph.ts';
import { createProblems, type Problems } from '../problems.ts';
import type { DirectoryLog } from '../proofs.ts';
import { digestOfContent, digestOfProposal, type Proposal } from '../proposal.ts';
import type { Attempt, Refusals } from '../refusals.ts';
import type { ChangeScope } from '../rules/index.ts';
import type { State } from '../state.ts';
import { approvedThing } from '../stored-contents.ts';
import { createPlanner, type Plan, type PlannedEntity } from './plans.ts';
import { readReason } from './reason.ts';
import { createRequestKind, keptMs } from './recorded-request.ts';
import { basisOf, changeApproval, notFound, outdated, shown, statusOf, waiting } from './request.ts';
import { createRequestCommands } from './request-commands.ts';
import {
  dropProposal,
  findProposal,
  keepProposal,
  listRequests,
  openRequestsOf,
  type RequestState,
  type StoredRequest,
  sweepRequests,
} from './store.ts';

const maxListed = 100;

export interface ChangeRequestView {
  readonly request: DirectoryChangeRequest;
  /** Whether it can still be approved with the proposed effect. */
  readonly current: boolean;
  readonly entities: readonly PlannedEntity[];
}

export interface ChangeRequests {
  readonly propose: (
    ...asked: readonly [...Parameters<Directory['propose']>, scope: ChangeScope]
  ) => ReturnType<Directory['propose']>;
  readonly approve: Directory['approve'];
  readonly reject: Directory['reject'];
  readonly list: Directory['changeRequests'];
  /** @returns how many this call ended, each recorded */
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
  /** @throws CodedError `change_not_found` */
  view(id: ChangeId): Promise<ChangeRequestView>;
  /** Carries out approved changes that are outstanding. @throws the present obstacle; a permanent obstacle ends the approval */
  carryOut(): Promise<void>;
  carryOn(): Promise<void>;
}

interface Approved {
  readonly record: RecordId;
  readonly request: RequestState;
  readonly by: Actor;
}

/** One person proposes, another approves exactly that change, within 24 hours and once. */
export function createChangeRequests(dependencies: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: DirectoryLog;
  readonly graph: LiveGraph;
  readonly logger: Logger;
  readonly governing: ReadonlySet<string>;
  readonly refusals: Refusals;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  readonly profiles?: (() => ProfileChanges | undefined) | undefined;
}): ChangeRequests {
  const { pool, clock, audit, graph, refusals } = dependencies;
  const plan = createPlanner(dependencies);
  const second = createSecondPerson(changeApproval, dependencies);
  const check = createStandingCheck({ ...dependencies, log: audit, source: 'directory' });
  const kind = createRequestKind(clock);
  const recording = { pool, log: audit, check, source: 'directory', clock } as const;
  const things = createRecordedThings(kind, recording);
  const commands = createCommands(recording);
  const steps = createRequestCommands({
    ...{ kind, graph, second, refusals, carryOut },
    async obstacleTo(request, base, session) {
      const anew = await planAnew(request, base, session);
      // A proposal for the empty directory may contain findings, which only compliance may record now.
      return anew?.current === true ? anew.planned.unrightful : outdated();
    },
  });

  async function stopAt(problems: Problems, attempt: Attempt): Promise<void> {
    const error = problems.asError();
    if (error !== undefined) await refusals.refuse(error, attempt);
  }

  /** Undefined if it can no longer be approved unchanged. */
  async function planAnew(
    { proposal, scope, basis, digest }: StoredRequest,
    base: State,
    session?: pg.PoolClient,
  ): Promise<{ readonly planned: Plan; readonly current: boolean } | undefined> {
    if (proposal === null) return undefined;
    const problems = createProblems();
    try {
      const planned = await plan(proposal, { base, scope, problems, ...defined({ session }) });
      const same = planned.basis === basis && digestOfProposal(proposal) === digest;
      return { planned, current: same && problems.count() === 0 };
    } catch (error) {
      // The trust profile can no longer be registered.
      if (isTrustError(error)) return undefined;
      throw error;
    }
  }

  /** Undefined if it is unknown or its row is forged. */
  async function provenRequest(id: ChangeId): Promise<StoredRequest | undefined> {
    try {
      return await things.find(id);
    } catch (error) {
      if (standingErrors.is(error, 'authority_unproven')) return undefined;
      throw error;
    }
  }

  async function approvedLast(): Promise<Approved | undefined> {
    const approval = await graph.approved();
    if (approval === undefined) return undefined;
    const record = (await audit.find(approval))?.record;
    // A record that this component wrote.
    const { change_request: change, after } = (record?.data ?? {}) as { change_request?: unknown; after?: Json };
    const id = parseId('change', change);
    if (record?.source !== 'directory' || record.subject === undefined || id === undefined || after === undefined)
      throw new Error(`the record of the approval ${approval} names no change`);
    return { record: approval, request: kind.stateOf(after, id, record.data ?? {}), by: record.subject };
  }

  async function carryOutOnGraph({ record, request, by }: Approved, proposal: Proposal): Promise<void> {
    const { id, proposedBy, reason, digest } = request;
    const problems = createProblems();
    await graph.run({
      carriesOut: record,
      evaluate: (base, session) => graph.evaluate(graph.read(proposal, problems), base, problems, session),
      async check(changeSet, base) {
        // The state is the approved one, but the configuration of the node may have changed.
        if (problems.count() > 0 || basisOf(changeSet, base) !== request.basis) throw outdated();
      },
      cause: { digest, by, reason, approval: { change: id, proposedBy, record } },
      alongside: (session) => dropProposal(session, id),
      refused: () => undefined,
    });
  }

  async function carryOutOnPartner({ record, request, by }: Approved, partner: TrustProfileInput): Promise<void> {
    const { id, basis, proposedBy, reason } = request;
    const profiles = dependencies.profiles?.();
    if (profiles === undefined) throw new Error('a trust profile was approved where no trust registry is');
    await transaction(pool, async (session) => {
      if ((await graph.lockFor(session, record)) === undefined) return;
      await profiles.carryOut(partner, by, { basis, change: id, proposedBy, reason, record, settles: approvedThing });
      await dropProposal(session, id);
    });
  }

  async function carryOut(): Promise<void> {
    const approved = await approvedLast();
    if (approved === undefined) return;
    const { request, record: approval, by } = approved;
    const proposal = await findProposal(pool, request.id);
    try {
      if (proposal === undefined || digestOfProposal(proposal) !== request.digest) throw outdated();
      if ('partner' in proposal) await carryOutOnPartner(approved, proposal.partner);
      else await carryOutOnGraph(approved, proposal);
    } catch (error) {
      if (!isTrustError(error) && !directoryErrors.is(error, 'directory_changed_meanwhile')) throw error;
      await commands.run(steps.giveUp, { id: request.id, by, request, approval, error, reason: error.detail });
    }
  }

  /** The outstanding approval at this node's last check. */
  let seen: RecordId | undefined;

  return {
    async propose(what, requester, reasonText, scope) {
      const reason = readReason(reasonText);
      const attempt: Attempt = { operation: 'directory:propose', by: requester, digest: () => digestOfContent(what) };
      const problems = createProblems();
      await graph.refresh();
      const { changes, basis, unrightful } = await plan(what, { base: graph.state(), scope, problems });
      await stopAt(problems, attempt);
      if (unrightful !== undefined) return refusals.refuse(unrightful, attempt);
      if (changes.length === 0) throw directoryErrors.error('directory_file_invalid', 'The proposal changes nothing.');
      const now = clock.now();
      const request = {
        id: newId('change', dependencies),
        proposedBy: requester.id,
        through: requester.through ?? [],
        scope,
        proposedAt: new Date(now),
        expiresAt: new Date(now + changeApproval.waitsMs),
        reason,
        basis,
        digest: digestOfProposal(what),
      };
      await transaction(pool, async (session) => {
        await sweepRequests(session, new Date(now), new Date(now - keptMs));
        await keepProposal(session, { ...request, changes, proposal: what });
      });
      const changesDigest = digestOf(changes.map((change) => ({ ...change })));
      await commands.run(steps.propose, { request: { ...request, changesDigest }, changes, by: requester });
      return shown({ ...request, changes, status: 'proposed', decidedBy: null }, now);
    },

    async approve(id, digest, by) {
      await commands.run(steps.approve, { id, digest, by });
      const request = await things.find(id);
      if (request?.status !== 'approved') throw outdated();
      await graph.refresh();
      return { version: graph.state().version, changes: request.changes };
    },

    async reject(id, by, reasonText) {
      await commands.run(steps.reject, { id, by, reason: readReason(reasonText) });
      const request = await things.find(id);
      if (request === undefined) throw notFound();
      return shown(request, clock.now());
    },

    async endProposalsOf(proposer, { before, by, reason }) {
      let count = 0;
      for (const id of await openRequestsOf(pool, proposer, new Date(before)))
        if ((await provenRequest(id)) !== undefined && (await commands.run(steps.withdraw, { id, by, reason })))
          count += 1;
      return count;
    },

    async list({ status } = {}) {
      const now = clock.now();
      const requests: StoredRequest[] = [];
      for (const row of await listRequests(pool, { status, now: new Date(now), limit: maxListed })) {
        const request = statusOf(row, now) === 'proposed' ? await provenRequest(row.id) : row;
        if (request !== undefined && (status === undefined || statusOf(request, now) === status))
          requests.push(request);
      }
      return requests.map((request) => shown(request, now));
    },

    async view(id) {
      const request = await things.find(id);
      if (request === undefined) throw notFound();
      await graph.refresh();
      const isOpen = statusOf(request, clock.now()) === 'proposed';
      const anew = await planAnew(request, graph.state());
      return {
        request: shown(request, clock.now()),
        current:
          isOpen &&
          anew?.current === true &&
          !(await hasDepartedSince(pool, request.proposedBy, request.proposedAt)) &&
          (await second.gone(waiting(request))) === undefined,
        entities: anew?.planned.entities() ?? [],
      };
    },

    carryOut,

    async carryOn() {
      const approval = await graph.approved();
      if (approval !== undefined && approval === seen) await carryOut();
      seen = approval;
    },
  };
}

function isTrustError(error: unknown): error is CodedError {
  return isCodedError(error) && Object.hasOwn(trustErrors.codes, error.code);
}
