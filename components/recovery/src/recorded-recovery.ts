import type { RecordedKind } from '@countersign/commands';
import { type AuditLog, type Claim, type PrincipalId, standingErrors } from '@countersign/contracts';
import { type Clock, defined, type Json, type RecordId, type RecoveryId, toInstant } from '@countersign/kernel';
import {
  findRecovery,
  lockRecovery,
  putRecovery,
  type RecoveryState,
  recoveryDigest,
  type StoredRecovery,
  type Words,
} from './store.ts';

// What records say of a recovery, and rows are held against (docs/adr/0043, 0057).

export type RecordedRecovery = RecordedKind<RecoveryId, RecoveryState, StoredRecovery>;

/** Which recovery stands for a person. There is one at most: it is opened under a lock of that name, while none stands. */
export function standsForClaim(person: PrincipalId, id: RecoveryId): Claim {
  return { of: standsForThing(person), content: { recovery: id } };
}
export const standsForThing = (person: PrincipalId): string => `recovery-of:${person}`;

/** @param dependencies.notify what was recorded, once for each record */
export function createRecordedRecovery({
  audit,
  clock,
  notify,
}: {
  readonly audit: Pick<AuditLog, 'find'>;
  readonly clock: Clock;
  readonly notify: NonNullable<RecordedRecovery['notify']>;
}): RecordedRecovery {
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
      await putRecovery(session, state, { id, record, reason, evidence, next: nextLook(state), now: clock.now() });
    },
  };
}

/** What follows by itself is due at once; anything else when its time is over. */
function nextLook({ status, openedAt, expiresAt }: RecoveryState): number {
  return status === 'approved' || status === 'invited' ? openedAt : expiresAt;
}

interface Content {
  readonly person: PrincipalId;
  readonly institution: string;
  readonly opened_by: string;
  readonly opened_at: string;
  readonly expires_at: string;
  readonly digest: RecoveryState['digest'];
  readonly opened: RecordId;
  readonly functions: readonly string[];
  readonly approvals: readonly {
    readonly by: PrincipalId;
    readonly function: string;
    readonly at: string;
    readonly record: RecordId;
  }[];
  readonly status: RecoveryState['status'];
  readonly invitations: number;
  readonly ended?: RecordId;
  readonly cooling_off_until?: string;
}

function contentOf(state: RecoveryState): Json {
  const content: Content = {
    person: state.person,
    institution: state.institution,
    opened_by: state.openedBy,
    opened_at: toInstant(state.openedAt),
    expires_at: toInstant(state.expiresAt),
    // Reason and evidence are personal: they stand in the record of the opening alone.
    digest: state.digest,
    opened: state.recordId,
    functions: state.functions,
    // Two may have been given within a millisecond: rows do not know which was the first.
    approvals: state.approvals
      .map(({ by, function: name, at, recordId: record }) => ({ by, function: name, at, record }))
      .sort((one, other) => (one.function < other.function ? -1 : 1)),
    status: state.status,
    invitations: state.invitations,
    ...defined({ ended: state.endedRecord }),
    ...(state.coolingOffUntil === undefined ? {} : { cooling_off_until: toInstant(state.coolingOffUntil) }),
  };
  return content as unknown as Json;
}

function stateOf(json: Json): RecoveryState {
  const content = json as unknown as Content;
  return {
    person: content.person,
    institution: content.institution,
    openedBy: content.opened_by,
    openedAt: Date.parse(content.opened_at),
    expiresAt: Date.parse(content.expires_at),
    digest: content.digest,
    recordId: content.opened,
    functions: content.functions,
    approvals: content.approvals.map(({ record: recordId, ...approval }) => ({ ...approval, recordId })),
    status: content.status,
    invitations: content.invitations,
    endedRecord: content.ended,
    coolingOffUntil: content.cooling_off_until === undefined ? undefined : Date.parse(content.cooling_off_until),
  };
}

/** As they were given when it was opened. @throws CodedError `authority_unproven` where they have been erased since */
async function wordsOf(audit: Pick<AuditLog, 'find'>, { person, digest, recordId }: RecoveryState): Promise<Words> {
  const { reason, evidence } = ((await audit.find(recordId))?.record.data ?? {}) as Partial<Words>;
  if (reason === undefined || evidence === undefined || recoveryDigest({ person, reason, evidence }) !== digest)
    throw standingErrors.error(
      'authority_unproven',
      'What a recovery was opened by is in no record any more. Nothing is done; open another one.',
    );
  return { reason, evidence };
}
