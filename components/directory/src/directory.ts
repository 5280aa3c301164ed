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
  /** For the connection that listens for changes made by other nodes. */
  readonly access: ComponentAccess;
  readonly clock: Clock;
  readonly random: Random;
  /** Rows count while it says the same of them (docs/adr/0043). */
  readonly audit: DirectoryLog;
  readonly logger: Logger;
  /**
   * A directory file that is always there, beneath what is stored: the operator, our own resources, the
   * operator's client. It is not stored, and no file changes or removes what is in it.
   */
  readonly seed?: unknown;
  /** How often to look for changes that nobody announced. 2 s by default. */
  readonly pollMs?: number;
  /** How long `snapshotAtLeast` waits. 3 s by default. */
  readonly waitMs?: number;
  /**
   * What ends when a principal leaves or moves, in this order, on every node the same. Asked for when it is needed:
   * those who end something need the directory first.
   */
  readonly departureEffects?: () => readonly DepartureEffect[];
  /** Roles that take two people to give, beside those that always do. */
  readonly governingRoles?: readonly string[];
  /** Whether the seed names two people who govern: then the first file takes two as well. Default false. */
  readonly foundedByTwo?: boolean;
  /** How it is with who proposed a change; asked when it is read, and when somebody else approves it. */
  readonly proposerStanding: ProposerStanding;
  /** Whether who approves is surely somebody else than who proposed. */
  readonly independence: Independence;
  /** Carries out what two people have decided about trust profiles; asked for when it is needed, since it needs the directory first. */
  readonly profiles?: () => ProfileChanges | undefined;
}

export interface DirectoryComponent extends Directory, Pick<ChangeRequests, 'endProposalsOf'> {
  /** One entity as a file would write it, without the names by which identity providers know a person. */
  document(kind: string, id: string): JsonDocument | undefined;
  /** Documents of clients by id, of one institution or of all, at most `limit`, beginning after an id. */
  clients(which: {
    readonly institution?: string;
    readonly after?: string;
    readonly limit: number;
  }): readonly JsonDocument[];
  /**
   * People of an institution as they are written, with the names by which identity providers know them: for the doors by
   * which that institution provisions them, and for no others.
   */
  people(institution: string): readonly JsonDocument[];
  /** One of them. */
  person(id: string): JsonDocument | undefined;
  /** Who a principal is and what it holds. */
  holdings(principal: string): Holdings | undefined;
  /** Carries on now with the departures that are due; runs by itself. */
  carryDepartures(): Promise<void>;
  /** A proposed change with what it would make of each entity, for who decides on it. */
  changeRequest(id: ChangeId): Promise<ChangeRequestView>;
  /** Is this the institution that operates the installation, as the seed names it? */
  isOperator(institution: string): boolean;
  stop(): Promise<void>;
}

/**
 * Opens the directory: reads the seed and what is stored, and follows the changes of other nodes.
 *
 * @throws CodedError of {@link directoryErrors} for a seed that is not acceptable, `database_unavailable`,
 *   `log_unavailable`; `authority_unproven` where the log says otherwise than what is stored
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
      // A change that somebody announces may be a departure; and what failed is tried again now and then.
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

  /** One person's change: at once, unless it takes two. */
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
      // Whoever was overtaken reads again and repeats it.
      refused: (error) =>
        directoryErrors.is(error, 'directory_changed_meanwhile') ? undefined : refusals.draftOf(error, attempt),
    });
    if (made === undefined) throw new Error('a change of one person carries out no approval');
    return made;
  }

  /** What is recorded by a right of its own: at once, unless it lets more be done than before. */
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
      /** Why this requester may not propose what lets more be done. */
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
      const { departures: begun } = await change({ edit: { remove: [{ kind, id: principal }] } }, by, { reason });
      const [departure] = begun;
      if (departure !== undefined) return departures.settled(departure);
      // Twice is once: who has left is answered with how that went.
      const before = await newestDeparture(principal, 'leave');
      if (before === undefined) throw unknownPrincipal();
      return before;
    },

    async move(principal, to, by, reason) {
      const [departure] = await tried(async () => {
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
        throw directoryErrors.error('directory_file_invalid', 'They are there already: this changes nothing.');
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

  /** Somebody else may change them in between: then it is read again. */
  async function tried<Result>(make: () => Promise<Result>): Promise<Result> {
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

/** Whoever edits what they have read does not undo what somebody else has written since. */
function refuseUnexpected({ graph }: State, expected: readonly ExpectedEntity[]): void {
  for (const { kind, id, digest } of expected) {
    const document = graph.get(keyOf(kind, id))?.document;
    if ((document === undefined ? null : digestOf(document)) !== digest)
      throw directoryErrors.error(
        'directory_changed_meanwhile',
        'The entity is no longer what it was when it was read: read it again.',
      );
  }
}

function throwIfAny(problems: Problems): void {
  const error = problems.asError();
  if (error !== undefined) throw error;
}
