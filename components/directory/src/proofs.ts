import {
  type AuditAppender,
  type AuditLog,
  type Claim,
  createStandingCheck,
  ended,
  type Standing,
  type StandingReader,
  standing,
  standingErrors,
} from '@countersign/contracts';
import { type Clock, defined, type Random, type RecordId } from '@countersign/kernel';
import { approvedThing, directoryThing, pendingThing, type StoredContents } from './stored-contents.ts';

export type DirectoryLog = AuditAppender & StandingReader & Pick<AuditLog, 'newest' | 'find'>;

/** `committed`: the log has the record of the commit. `pending`: it has only the record from before the commit. */
export type Proof = 'committed' | 'pending';

export interface LoggedGraph {
  /** Undefined if the newest records contradict the rows. */
  proofOf(contents: StoredContents): Proof | undefined;
  /** The newest recorded change that has no record of its commit. */
  readonly pending?: RecordId;
  /** The approval that is recorded but not yet carried out. */
  readonly approved?: RecordId;
}

/**
 * A change has two records. The first is durable before the commit and states the resulting graph; the second states
 * the commit. If the process dies in between, rows that agree with either count. After the second, older rows do not.
 */
export interface Proofs {
  ask(): Promise<LoggedGraph>;
  pendingStanding(contents: StoredContents): Standing;
  /** Under the lock, so that an older record cannot follow a newer one. */
  commit(contents: StoredContents, change: RecordId): Promise<void>;
  /**
   * Adopts a graph stored by a release that did not record its state.
   *
   * @returns whether it adopted the graph
   */
  takeOver(contents: StoredContents, others: () => Promise<readonly Claim[]>): Promise<boolean>;
  contradict(contents: StoredContents): Promise<never>;
}

export function createProofs(dependencies: {
  readonly audit: DirectoryLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly newRecordId: () => RecordId;
}): Proofs {
  const { audit, newRecordId } = dependencies;
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'directory' });

  async function record(
    contents: StoredContents,
    how: {
      readonly references?: readonly RecordId[];
      readonly others?: readonly Claim[];
      readonly ends?: readonly Standing[];
    },
  ): Promise<void> {
    const { references, others, ends = [] } = how;
    await audit.append({
      id: newRecordId(),
      type: 'directory.committed',
      source: 'directory',
      outcome: 'done',
      ...defined({ references }),
      standing: [...[contents.claim, ...(others ?? [])].map(({ of, content }) => standing(of, content)), ...ends],
      data: {
        version: contents.version,
        entities: contents.documents.size,
        ...(others === undefined ? {} : { taken_over: true }),
      },
    });
  }

  return {
    ask: () => readLog(audit),

    pendingStanding: ({ digest }) => ({ of: pendingThing, digest }),

    async commit(contents, change) {
      // An approval is recorded under the lock, after the commit of the previous change. The pending change therefore carries
      // it out.
      const isApproved = (await audit.standings([approvedThing])).get(approvedThing)?.digest !== undefined;
      return record(contents, { references: [change], ...(isApproved ? { ends: [ended(approvedThing)] } : {}) });
    },

    async takeOver(contents, others) {
      const newest = await audit.standings([directoryThing, pendingThing]);
      if (newest.size > 0 || (await audit.newest(['directory.applied'])) < 0n) return false;
      await record(contents, { others: await others() });
      return true;
    },

    async contradict({ claim, version }) {
      await standings.holds(claim);
      throw standingErrors.error(
        'authority_unproven',
        `The stored directory (version ${version}) differs from the newest record of the audit log about it, so nothing is read ` +
          'from it. Stop other access to the database role countersign_directory, and restore the tables of its schema from a backup ' +
          'that is as new as the log.',
      );
    },
  };
}

export async function readLog(log: StandingReader): Promise<LoggedGraph> {
  const newest = await log.standings([directoryThing, pendingThing, approvedThing]);
  const committed = newest.get(directoryThing);
  const approved = newest.get(approvedThing);
  const last = newest.get(pendingThing);
  const pending = last !== undefined && (committed === undefined || last.index > committed.index) ? last : undefined;
  return {
    proofOf(contents) {
      // No change was ever committed, so the directory is empty.
      if (committed === undefined && contents.version === 0 && contents.documents.size === 0) return 'committed';
      if (committed?.digest === contents.digest) return 'committed';
      return pending?.digest === contents.digest ? 'pending' : undefined;
    },
    ...(pending === undefined ? {} : { pending: pending.record }),
    ...(approved?.digest === undefined ? {} : { approved: approved.record }),
  };
}
