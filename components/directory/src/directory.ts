import { setTimeout as sleep } from 'node:timers/promises';
import { type Actor, type AuditAppender, type Directory, directoryErrors } from '@countersign/contracts';
import { type ChangeId, type Clock, newId, type Random, type RecordId } from '@countersign/kernel';
import { type ComponentAccess, keepFresh, type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { type ChangeRequestView, createChangeRequests } from './change-requests/change-requests.ts';
import { isEntityKind } from './entities/index.ts';
import { type JsonDocument, keyOf, shownDocument } from './entry.ts';
import { createLiveGraph } from './live-graph.ts';
import { createProblems, type Problems } from './problems.ts';
import { digestOfContent, type Proposal } from './proposal.ts';
import { type Attempt, createRefusals } from './refusals.ts';
import { refuseAlone } from './rules/second-person.ts';
import { changeChannel } from './store.ts';

export interface DirectoryDependencies {
  readonly pool: pg.Pool;
  /** For the connection that listens for changes made by other nodes. */
  readonly access: ComponentAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender;
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
}

export interface DirectoryComponent extends Directory {
  /** One entity as a file would write it, without the names by which identity providers know a person. */
  document(kind: string, id: string): JsonDocument | undefined;
  /** Documents of clients by id, of one institution or of all, at most `limit`, beginning after an id. */
  clients(which: {
    readonly institution?: string;
    readonly after?: string;
    readonly limit: number;
  }): readonly JsonDocument[];
  /** A proposed change with what it would make of each entity, for who decides on it. */
  changeRequest(id: ChangeId): Promise<ChangeRequestView>;
  /** Is this the institution that operates the installation, as the seed names it? */
  isOperator(institution: string): boolean;
  stop(): Promise<void>;
}

/**
 * Opens the directory: reads the seed and what is stored, and follows the changes of other nodes.
 *
 * @throws CodedError of {@link directoryErrors} for a seed that is not acceptable, `database_unavailable`
 */
export async function createDirectory(dependencies: DirectoryDependencies): Promise<DirectoryComponent> {
  const { pool, audit, logger, clock } = dependencies;
  const newRecordId = (): RecordId => newId('record', dependencies);
  const graph = await createLiveGraph({ pool, clock, audit, newRecordId, seed: dependencies.seed ?? {} });
  const refusals = createRefusals({ audit, newRecordId });
  const requests = createChangeRequests({ ...dependencies, graph, refusals, newRecordId });
  const freshness = await keepFresh({
    access: dependencies.access,
    channel: changeChannel,
    pollMs: dependencies.pollMs ?? 2_000,
    logger,
    refresh: graph.refresh,
  });

  async function stopAt(problems: Problems, attempt: Attempt): Promise<void> {
    const error = problems.asError();
    if (error !== undefined) await refusals.refuse(error, attempt);
  }

  /** One person's change: at once, unless it takes two. */
  async function change(proposal: Proposal, by: Actor, expectedVersion?: number) {
    const attempt: Attempt = {
      operation: 'edit' in proposal ? 'directory:edit' : 'directory:apply',
      by,
      digest: () => digestOfContent(proposal),
    };
    const problems = createProblems();
    const wanted = graph.read(proposal, problems);
    await stopAt(problems, attempt);
    const digest = digestOfContent(proposal);
    const next = await transaction(pool, async (session) => {
      const base = await graph.lock(session);
      const changeSet = graph.evaluate(wanted, base, problems);
      await stopAt(problems, attempt);
      const { changes } = changeSet;
      if (changes.length === 0) return { state: base, changes };
      const alone = refuseAlone(changeSet, base.stored);
      if (alone !== undefined) await refusals.refuse(alone, attempt);
      if (expectedVersion !== undefined && expectedVersion !== base.version)
        throw directoryErrors.error(
          'directory_changed_meanwhile',
          `The directory is at version ${base.version}; plan the change again.`,
        );
      return { state: await graph.write(session, base, changeSet, { digest, by }), changes };
    });
    graph.advance(next.state);
    return { version: next.state.version, changes: next.changes };
  }

  return {
    snapshot: () => graph.state().snapshot,

    async snapshotAtLeast(version) {
      const deadline = performance.now() + (dependencies.waitMs ?? 3_000);
      for (;;) {
        if (graph.state().version >= version) return graph.state().snapshot;
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

    async plan(file, { prune = false } = {}) {
      const problems = createProblems();
      const wanted = graph.read({ file, prune }, problems);
      throwIfAny(problems);
      await graph.refresh();
      const { changes } = graph.evaluate(wanted, graph.state(), problems);
      throwIfAny(problems);
      return changes;
    },

    apply: (file, by, { prune = false, expectedVersion } = {}) => change({ file, prune }, by, expectedVersion),
    edit: (edit, by) => change({ edit }, by),

    propose: requests.propose,
    approve: requests.approve,
    reject: requests.reject,
    changeRequests: requests.list,
    changeRequest: requests.view,

    document(kind, id) {
      const entry = isEntityKind(kind) ? graph.state().graph.get(keyOf(kind, id)) : undefined;
      return entry === undefined ? undefined : shownDocument(entry);
    },

    clients({ institution, after = '', limit }) {
      return [...graph.state().graph.values()]
        .filter(({ entity, owner }) => entity.kind === 'client' && (institution === undefined || owner === institution))
        .filter(({ id }) => id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
        .map(shownDocument);
    },

    isOperator: (institution) => graph.isSeeded('institution', institution),

    stop: () => freshness.stop(),
  };
}

function throwIfAny(problems: Problems): void {
  const error = problems.asError();
  if (error !== undefined) throw error;
}
