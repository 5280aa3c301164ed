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

/** What the directory asks of the log, and appends to it. */
export type DirectoryLog = AuditAppender & StandingReader & Pick<AuditLog, 'newest' | 'find'>;

/** `committed`: the log says so. `pending`: a record from before the commit says so, and none from after it yet. */
export type Proof = 'committed' | 'pending';

/** What the log said of the graph when it was asked. */
export interface Said {
  /** Undefined where the newest records say otherwise. */
  proofOf(contents: StoredContents): Proof | undefined;
  /** The change that was recorded last and of which no record says that it was committed. */
  readonly pending?: RecordId;
  /** The approval that was recorded and not carried out yet. */
  readonly approved?: RecordId;
}

/**
 * Holds the stored graph against the log.
 *
 * A change has two records. The first is durable before the change is committed and says what it makes of the graph
 * (`directory-pending`); the second says that it was committed (`directory`). Whoever dies between them leaves rows that
 * agree with one of the two: with the older record if the change was lost, with the newer one if it was kept. Once the
 * second record is there, rows from before the change count for nothing: nobody undoes a change by putting them back.
 */
export interface Proofs {
  ask(): Promise<Said>;
  /** What the record of a change says of the graph that it makes. */
  pendingStanding(contents: StoredContents): Standing;
  /**
   * Records that a change was committed, and with it that the approval it carries out is done. Under the lock, so that no older record
   * comes after a newer one.
   */
  commit(contents: StoredContents, change: RecordId): Promise<void>;
  /**
   * Takes over what was stored before the log was told how the graph stands: the log then has changes of the directory and
   * nothing of the kind. @returns whether it was
   *
   * @param others rows of the same age that are taken over with it
   */
  takeOver(contents: StoredContents, others: () => Promise<readonly Claim[]>): Promise<boolean>;
  /** Records the difference. @throws CodedError `authority_unproven` */
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
    ask: () => askLog(audit),

    pendingStanding: ({ digest }) => ({ of: pendingThing, digest }),

    async commit(contents, change) {
      // An approval is recorded under the lock, once what was pending before it is committed: what is pending now carries it out.
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

/** What the log says of the graph now. @throws CodedError `log_unavailable` */
export async function askLog(log: StandingReader): Promise<Said> {
  const newest = await log.standings([directoryThing, pendingThing, approvedThing]);
  const committed = newest.get(directoryThing);
  const approved = newest.get(approvedThing);
  const last = newest.get(pendingThing);
  const pending = last !== undefined && (committed === undefined || last.index > committed.index) ? last : undefined;
  return {
    proofOf(contents) {
      // Nothing was ever committed: the directory is as empty as it was made.
      if (committed === undefined && contents.version === 0 && contents.documents.size === 0) return 'committed';
      if (committed?.digest === contents.digest) return 'committed';
      return pending?.digest === contents.digest ? 'pending' : undefined;
    },
    ...(pending === undefined ? {} : { pending: pending.record }),
    ...(approved?.digest === undefined ? {} : { approved: approved.record }),
  };
}
