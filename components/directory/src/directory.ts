import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Actor,
  type ApplyProgress,
  type Departure,
  type DepartureEffect,
  type Directory,
  type DirectoryEdit,
  directoryErrors,
  type ExpectedEntity,
  type Independence,
  kindOfPrincipal,
  type ProfileChanges,
  type ProposerStanding,
  parsePrincipalId,
  type Requester,
} from '@countersign/contracts';
import {
  type ChangeId,
  type Clock,
  type CodedError,
  defined,
  digestOf,
  newId,
  type Random,
  type RecordId,
} from '@countersign/kernel';
import { type ComponentAccess, keepFresh, type Logger } from '@countersign/runtime';
import type pg from 'pg';
import {
  type ChangeRequests,
  type ChangeRequestView,
  createChangeRequests,
} from './change-requests/change-requests.ts';
import { readReason } from './change-requests/reason.ts';
import { actorOf } from './change-requests/request.ts';
import { createDepartures } from './departures/departures.ts';
import { movedDocument } from './departures/moved-document.ts';
import { isEntityKind } from './entities/index.ts';
import { type JsonDocument, keyOf, shownDocument } from './entry.ts';
import { type Holdings, holdingsOf } from './holdings.ts';
import { createLiveGraph, type GraphChange } from './live-graph.ts';
import { createProblems, type Problems } from './problems.ts';
import { createProofs, type DirectoryLog } from './proofs.ts';
import { digestOfContent, type Proposal } from './proposal.ts';
import { type Attempt, createRefusals } from './refusals.ts';
import { createChangeStream } from './replica/change-stream.ts';
import {
  type ChangeScope,
  easedFindings,
  easedReferenceData,
  governingRoles,
  refuseAlone,
  refuseFindings,
  refuseOutsideCompliance,
  refuseOutsideReferenceData,
  refuseRates,
  refuseSoftwareEasing,
} from './rules/index.ts';
import type { State } from './state.ts';
import { changeChannel } from './store.ts';
import { withValues } from './values.ts';

export interface DirectoryDependencies {
  readonly pool: pg.Pool;
  readonly access: ComponentAccess;
  readonly clock: Clock;
  readonly random: Random;
  /** Stored rows count only while this log confirms them (docs/adr/0043). */
  readonly audit: DirectoryLog;
  readonly logger: Logger;
  /**
   * A directory file beneath the stored graph that no file can change: the operator, our own resources and its client.
   */
  readonly seed?: unknown;
  readonly pollMs?: number;
  readonly waitMs?: number;
  /** End what a leaver or mover holds, in the same order on every node. They need the directory first. */
  readonly departureEffects?: () => readonly DepartureEffect[];
  readonly governingRoles?: readonly string[];
  readonly foundedByTwo?: boolean;
  readonly proposerStanding: ProposerStanding;
  /** Whether the approver is certainly a different person than the proposer. */
  readonly independence: Independence;
  /** They need the directory first. */
  readonly profiles?: () => ProfileChanges | undefined;
}

export interface DirectoryComponent extends Directory, Pick<ChangeRequests, 'endProposalsOf'> {
  /** As a file would write it, without names at identity providers. */
  document(kind: string, id: string): JsonDocument | undefined;
  clients(which: {
    readonly institution?: string;
    readonly after?: string;
    readonly limit: number;
  }): readonly JsonDocument[];
  /** With their names at identity providers: only for the provisioning interfaces of that institution. */
  people(institution: string): readonly JsonDocument[];
  person(id: string): JsonDocument | undefined;
  holdings(principal: string): Holdings | undefined;
  carryDepartures(): Promise<void>;
  changeRequest(id: ChangeId): Promise<ChangeRequestView>;
  isOperator(institution: string): boolean;
  stop(): Promise<void>;
}

/**
 * @throws CodedError of {@link directoryErrors} for an invalid seed, `database_unavailable`, `log_unavailable`;
 * `authority_unproven` if the log contradicts the stored graph
 */
export async function createDirectory(dependencies: DirectoryDependencies): Promise<DirectoryComponent> {
  const { pool, audit, logger, clock } = dependencies;
  const { foundedByTwo = false } = dependencies;
  const governing = new Set([...governingRoles, ...(dependencies.governingRoles ?? [])]);
  const newRecordId = (): RecordId => newId('record', dependencies);
  const departures = createDepartures({
    ...dependencies,
    newRecordId,
    effects: dependencies.departureEffects ?? (() => []),
  });
  const proofs = createProofs({ ...dependencies, newRecordId });
  const graph = await createLiveGraph({
    ...{ pool, clock, audit, proofs, logger, newRecordId, departures },
    seed: dependencies.seed ?? {},
    carryOut: () => requests.carryOut(),
  });
  const changeStream = createChangeStream(graph);
  const refusals = createRefusals({ audit, newRecordId });
  const requests = createChangeRequests({ ...dependencies, graph, governing, refusals });
  const freshness = await keepFresh({
    access: dependencies.access,
    channel: changeChannel,
    pollMs: dependencies.pollMs ?? 2_000,
    logger,
    async refresh() {
      // An announced change may include a departure. Failed departures are retried from time to time.
      departures.hurry();
      await graph.refresh();
      await requests.carryOn();
    },
  });

  async function stopAt(problems: Problems, attempt: Attempt): Promise<void> {
    const error = problems.asError();
    if (error !== undefined) await refusals.refuse(error, attempt);
  }

  const isOperator = (institution: string): boolean => graph.isSeeded('institution', institution);

  async function change(
    proposal: Proposal,
    by: Actor,
    options: {
      readonly expectedVersion?: number | undefined;
      readonly expected?: readonly ExpectedEntity[] | undefined;
      readonly reason?: string | undefined;
      readonly mayGive?: ReadonlySet<string> | undefined;
      readonly scope?: Exclude<ChangeScope, 'partner:register'>;
      readonly onProgress?: ApplyProgress | undefined;
    } = {},
  ): Promise<GraphChange> {
    const { expectedVersion, expected = [], onProgress, scope = 'directory:apply' } = options;
    const attempt: Attempt = {
      operation: scope !== 'directory:apply' ? scope : 'edit' in proposal ? 'directory:edit' : 'directory:apply',
      by,
      digest: () => digestOfContent(proposal),
    };
    const reason = options.reason === undefined ? attempt.operation : readReason(options.reason);
    const problems = createProblems();
    const wanted = await graph.readInSlices(proposal, problems, onProgress);
    await stopAt(problems, attempt);
    const made = await graph.run({
      carriesOut: undefined,
      async evaluate(base, session) {
        refuseUnexpected(base, expected);
        return graph.evaluate(wanted, base, problems, session);
      },
      async check(changeSet, base) {
        throwIfAny(problems);
        const { length } = changeSet.changes;
        onProgress?.({ step: 'checked', done: length, of: length });
        if (length === 0) return;
        const free = options.mayGive;
        const alone =
          refuseFindings(changeSet, base, scope) ??
          refuseRates(changeSet, base, scope) ??
          refuseAlone(changeSet, base, { governing, foundedByTwo, ...defined({ free }) });
        if (alone !== undefined) throw alone;
        if (expectedVersion !== undefined && expectedVersion !== base.version)
          throw directoryErrors.error(
            'directory_changed_meanwhile',
            `The directory is at version ${base.version}; plan the change again.`,
          );
      },
      cause: {
        ...{ digest: digestOfContent(proposal), by, reason },
        ...(onProgress === undefined ? {} : { onWritten: (done, of) => onProgress({ step: 'written', done, of }) }),
      },
      alongside: async () => undefined,
      // After a conflicting change, the caller reads again and repeats the request.
      refused: (error) =>
        directoryErrors.is(error, 'directory_changed_meanwhile') ? undefined : refusals.draftOf(error, attempt),
    });
    if (made === undefined) throw new Error('a change without approval was already carried out');
    return made;
  }

  async function record(
    edit: DirectoryEdit,
    by: Requester,
    reason: string,
    {
      scope,
      refuseOutside,
      eased,
      refuseEasing = () => undefined,
    }: {
      readonly scope: 'compliance:record' | 'reference:record';
      readonly refuseOutside: typeof refuseOutsideCompliance;
      readonly eased: typeof easedFindings;
      readonly refuseEasing?: typeof refuseSoftwareEasing;
    },
  ): ReturnType<Directory['recordFindings']> {
    const attempt: Attempt = { operation: scope, by: actorOf(by), digest: () => digestOfContent({ edit }) };
    await graph.refresh();
    const base = graph.state();
    const outside = refuseOutside(by, base.snapshot, isOperator);
    if (outside !== undefined) return refusals.refuse(outside, attempt);
    const problems = createProblems();
    const wanted = graph.read({ edit }, problems);
    await stopAt(problems, attempt);
    const changeSet = await graph.evaluate(wanted, base, problems);
    await stopAt(problems, attempt);
    if (eased(changeSet, base.stored).length > 0) {
      const easing = refuseEasing(by);
      if (easing !== undefined) return refusals.refuse(easing, attempt);
      return { proposed: await requests.propose({ edit }, by, reason, scope) };
    }
    return answerOf(await change({ edit }, actorOf(by), { reason, scope }));
  }

  async function newestDeparture(principal: string, kind: Departure['kind']): Promise<Departure | undefined> {
    const [newest] = await departures.list({ principal, kind, limit: 1 });
    return newest;
  }

  function documentOf(kind: string, id: string): JsonDocument | undefined {
    const entry = isEntityKind(kind) ? graph.state().graph.get(keyOf(kind, id)) : undefined;
    return entry === undefined ? undefined : shownDocument(entry);
  }

  return {
    snapshot: () => graph.state().snapshot,

    async snapshotAtLeast(version) {
      const deadline = performance.now() + (dependencies.waitMs ?? 3_000);
      for (;;) {
        if (!graph.isInDoubt() && graph.state().version >= version) return graph.state().snapshot;
        await graph.refresh();
        if (graph.state().version >= version) return graph.state().snapshot;
        if (performance.now() >= deadline)
          throw directoryErrors.error(
            'directory_behind',
            `The directory is at version ${graph.state().version} here; version ${version} was asked for.`,
          );
        await sleep(50);
      }
    },

    changesSince: changeStream.changesSince,

    async plan(file, { prune = false, values = false, onProgress } = {}) {
      const problems = createProblems();
      const wanted = await graph.readInSlices({ file, prune }, problems, onProgress);
      throwIfAny(problems);
      await graph.refresh();
      const base = graph.state();
      const changeSet = await graph.evaluate(wanted, base, problems);
      throwIfAny(problems);
      return values ? withValues(changeSet, base.stored) : changeSet.changes;
    },

    apply: async (file, by, { prune = false, expectedVersion, onProgress } = {}) =>
      answerOf(await change({ file, prune }, by, { expectedVersion, onProgress })),
    edit: async (edit, by, options = {}) => answerOf(await change({ edit }, by, options)),

    async leave(principal, by, reason) {
      const id = parsePrincipalId(principal);
      const kind = id === undefined ? 'device' : kindOfPrincipal(id);
      if (kind === 'device') throw unknownPrincipal();
      const { departures: started } = await change({ edit: { remove: [{ kind, id: principal }] } }, by, { reason });
      const [departure] = started;
      if (departure !== undefined) return departures.settled(departure);
      // For a principal that has left, the answer describes that departure.
      const before = await newestDeparture(principal, 'leave');
      if (before === undefined) throw unknownPrincipal();
      return before;
    },

    async move(principal, to, by, reason) {
      const [departure] = await retried(async () => {
        await graph.refresh();
        const entry = graph.state().graph.get(keyOf('person', principal));
        if (entry?.entity.kind !== 'person' || entry.entity.value.active === false) throw unknownPrincipal();
        const expected = [{ kind: 'person', id: principal, digest: digestOf(entry.document) } as const];
        const edit = { put: { people: [movedDocument(entry.document, to)] } };
        return (await change({ edit }, by, { expected, reason })).departures;
      });
      if (departure !== undefined) return departures.settled(departure);
      const moved = await newestDeparture(principal, 'move');
      if (moved === undefined)
        throw directoryErrors.error('directory_file_invalid', 'The person already has this desk and these roles.');
      return moved;
    },

    recordFindings: (findings, by, reason) =>
      record({ put: { findings } }, by, reason, {
        scope: 'compliance:record',
        refuseOutside: refuseOutsideCompliance,
        eased: easedFindings,
        refuseEasing: refuseSoftwareEasing,
      }),

    recordReferenceData: (data, by, reason) =>
      record({ put: data }, by, reason, {
        scope: 'reference:record',
        refuseOutside: refuseOutsideReferenceData,
        eased: easedReferenceData,
      }),

    departures: ({ status } = {}) => departures.list({ status }),
    carryDepartures: departures.run,

    people: (institution) =>
      [...graph.state().graph.values()]
        .filter(({ entity, owner }) => entity.kind === 'person' && owner === institution)
        .map(({ document }) => document),

    person: (id) => graph.state().graph.get(keyOf('person', id))?.document,

    holdings: (principal) => holdingsOf(graph.state().graph, principal),

    propose: (what, by, reason) =>
      requests.propose(what, by, reason, 'partner' in what ? 'partner:register' : 'directory:apply'),
    approve: requests.approve,
    reject: requests.reject,
    endProposalsOf: requests.endProposalsOf,
    changeRequests: requests.list,
    changeRequest: requests.view,

    clientDocument: async (id) => documentOf('client', id),
    document: documentOf,

    clients({ institution, after = '', limit }) {
      return [...graph.state().graph.values()]
        .filter(({ entity, owner }) => entity.kind === 'client' && (institution === undefined || owner === institution))
        .filter(({ id }) => id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
        .map(shownDocument);
    },

    isOperator,

    async stop() {
      changeStream.stop();
      await freshness.stop();
      await departures.stop();
    },
  };

  /** Another change may intervene; the entity is then read again. */
  async function retried<Result>(make: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await make();
      } catch (error) {
        if (attempt === 3 || !directoryErrors.is(error, 'directory_changed_meanwhile')) throw error;
      }
    }
  }
}

function answerOf({ version, changes }: GraphChange): Pick<GraphChange, 'version' | 'changes'> {
  return { version, changes };
}

function unknownPrincipal(): CodedError {
  return directoryErrors.error('principal_not_found', 'The directory has no such principal.');
}

/** Prevents an edit from overwriting a change made since the caller read the entity. */
function refuseUnexpected({ graph }: State, expected: readonly ExpectedEntity[]): void {
  for (const { kind, id, digest } of expected) {
    const document = graph.get(keyOf(kind, id))?.document;
    if ((document === undefined ? null : digestOf(document)) !== digest)
      throw directoryErrors.error(
        'directory_changed_meanwhile',
        'The entity has changed since it was read. Read it again.',
      );
  }
}

function throwIfAny(problems: Problems): void {
  const error = problems.asError();
  if (error !== undefined) throw error;
}
