import type { RecordedKind } from '@countersign/commands';
import { type AuditLog, type Claim, type PrincipalId, standingErrors } from '@countersign/contracts';
import { type Clock, defined, type Json, type RecoveryId } from '@countersign/kernel';
import {
  findRecovery,
  lockRecovery,
  putRecovery,
  type RecoveryState,
  recoveryDigest,
  type StoredRecovery,
  type Words,
} from './store.ts';

// The state of a recovery that records carry and rows are compared with (docs/adr/0043, 0057).

export type RecordedRecovery = RecordedKind<RecoveryId, RecoveryState, StoredRecovery>;

/** The open recovery of a person. There is at most one: opening takes a lock of this name. */
export function openRecoveryClaim(person: PrincipalId, id: RecoveryId): Claim {
  return { of: openRecoveryThing(person), content: { recovery: id } };
}
export const openRecoveryThing = (person: PrincipalId): string => `recovery-of:${person}`;

/** @param dependencies.notify called once for each record */
export function createRecordedRecovery(dependencies: {
  readonly audit: Pick<AuditLog, 'find'>;
  readonly clock: Clock;
  readonly notify: NonNullable<RecordedRecovery['notify']>;
}): RecordedRecovery {
  const { audit, clock, notify } = dependencies;
  return {
    kind: 'recovery',
    find: findRecovery,
    lock: lockRecovery,
    recordOf: ({ record }) => record,
    content: contentOf,
    stateOf,
    forgets: true,
    notify,
    async put(session, state, { id, record }) {
      const kept = await findRecovery(session, id);
      const { reason, evidence } = kept?.digest === state.digest ? kept : await wordsOf(audit, state);
      await putRecovery(session, state, { id, record, reason, evidence, next: nextCheckAt(state), now: clock.now() });
    },
  };
}

/** An approved or invited recovery is due at once, any other one when it expires. */
function nextCheckAt({ status, openedAt, expiresAt }: RecoveryState): number {
  return status === 'approved' || status === 'invited' ? openedAt : expiresAt;
}

function contentOf(state: RecoveryState): Json {
  const { person, institution, openedBy, openedAt, expiresAt, digest, recordId, functions, status, invitations } =
    state;
  // In a fixed order: rows do not know which of two approvals within one millisecond was the first.
  const approvals = state.approvals
    .map((approval) => ({ ...approval }))
    .sort((one, other) => (one.function < other.function ? -1 : 1));
  // Reason and evidence are personal, so only the record of the opening has them.
  return {
    ...{ person, institution, openedBy, openedAt, expiresAt, digest, recordId, functions, status },
    ...{ invitations, approvals },
    ...defined({ endedRecord: state.endedRecord, coolingOffUntil: state.coolingOffUntil }),
  };
}

function stateOf(json: Json): RecoveryState {
  // Only `contentOf` writes what comes here, and the record's digest has been verified.
  const content = json as unknown as RecoveryState;
  return { ...content, endedRecord: content.endedRecord, coolingOffUntil: content.coolingOffUntil };
}

/** Reason and evidence from the record of the opening. @throws CodedError `authority_unproven` if they have been erased */
async function wordsOf(audit: Pick<AuditLog, 'find'>, { person, digest, recordId }: RecoveryState): Promise<Words> {
  // A record that this component wrote.
  const { reason, evidence } = ((await audit.find(recordId))?.record.data ?? {}) as Partial<Words>;
  if (reason === undefined || evidence === undefined || recoveryDigest({ person, reason, evidence }) !== digest)
    throw standingErrors.error(
      'authority_unproven',
      'The reason and evidence of this recovery are no longer recorded. Open a new recovery.',
    );
  return { reason, evidence };
}
