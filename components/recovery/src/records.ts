import type { RecordContent } from '@countersign/commands';
import {
  type Actor,
  ended,
  type ProtectedValue,
  type RecordDraft,
  type SignedStatement,
  standing,
} from '@countersign/contracts';
import { type Clock, newId, type Random, type RecordId, type RecoveryId, toInstant } from '@countersign/kernel';
import { openRecoveryClaim, openRecoveryThing } from './recorded-recovery.ts';
import { signedJson } from './statement.ts';
import type { RecoveryState, StoredRecovery, Words } from './store.ts';

type From = { readonly clock: Clock; readonly random: Random };

const subjectOf = ({ person, institution }: Pick<RecoveryState, 'person' | 'institution'>): Actor => ({
  id: person,
  institution,
});
/** The person has no open recovery any more. */
const endOf = ({ person }: Pick<RecoveryState, 'person'>) => [ended(openRecoveryThing(person))];
const wordsOf = (person: string, value: string): readonly ProtectedValue[] => [
  { path: '/data/words', kind: 'personal', subject: person, value },
];

const authenticationOf = ({ claims, authenticator }: SignedStatement) =>
  ({ method: 'webauthn', acr: authenticator.acr, authTime: claims.iat }) as const;

export function opened(id: RecoveryId, next: RecoveryState, { reason, evidence }: Words, by: Actor): RecordContent {
  const { of, content } = openRecoveryClaim(next.person, id);
  return {
    type: 'recovery.opened',
    outcome: 'done',
    subject: subjectOf(next),
    actors: [by],
    standing: [standing(of, content)],
    data: { recovery: id, digest: next.digest, expires_at: toInstant(next.expiresAt) },
    protectedValues: [
      { path: '/data/reason', kind: 'personal', subject: next.person, value: reason },
      { path: '/data/evidence', kind: 'personal', subject: next.person, value: evidence },
    ],
  };
}

export function approved(row: StoredRecovery, statement: SignedStatement, name: string): RecordContent {
  return {
    type: 'recovery.approved',
    outcome: 'permit',
    subject: subjectOf(row),
    actors: [{ id: statement.authenticator.person, institution: row.institution }],
    references: [row.recordId, statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    data: { recovery: row.id, function: name, digest: row.digest, ...signedJson(statement) },
  };
}

/** An approver declines, which ends the recovery. */
export function declined(
  row: StoredRecovery,
  by: { readonly person: Actor; readonly function: string; readonly words: string },
): RecordContent {
  return {
    type: 'recovery.refused',
    outcome: 'deny',
    reason: 'recovery_declined',
    subject: subjectOf(row),
    actors: [by.person],
    references: [row.recordId],
    standing: endOf(row),
    data: { recovery: row.id, step: 'approve', function: by.function },
    protectedValues: wordsOf(row.person, by.words),
  };
}

/** A refused attempt; nothing changes. */
export function refusedRecord(
  from: From,
  attempt: {
    readonly step: 'open' | 'approve' | 'refuse' | 'cancel' | 'invite';
    readonly reason: string;
    readonly by: Actor;
    /** The recovery, or the person for whom it was to be opened. */
    readonly about: RecoveryState['person'] | StoredRecovery;
  },
): RecordDraft {
  const { step, reason, by, about } = attempt;
  const there = typeof about === 'string' ? undefined : about;
  return {
    id: newId('record', from),
    type: 'recovery.refused',
    source: 'recovery',
    outcome: 'deny',
    reason,
    subject: typeof about === 'string' ? { id: about } : subjectOf(about),
    actors: [by],
    ...(there === undefined ? {} : { references: [there.recordId] }),
    data: { ...(there === undefined ? {} : { recovery: there.id }), step },
  };
}

export function credentialsEnded(row: StoredRecovery): RecordContent {
  return {
    type: 'recovery.credentials-ended',
    outcome: 'done',
    subject: subjectOf(row),
    references: [row.recordId, ...row.approvals.map(({ recordId }) => recordId)],
    data: { recovery: row.id, authenticators: row.authenticators, sessions: row.sessions },
  };
}

/** @param link record of the invitation */
export function invited(row: StoredRecovery, by: Actor, ended: RecordId, link: RecordId): RecordContent {
  return {
    type: 'recovery.invited',
    outcome: 'done',
    subject: subjectOf(row),
    actors: [by],
    references: [ended, link],
    data: { recovery: row.id },
  };
}

export function completed(
  row: StoredRecovery,
  enrolled: { readonly authenticator: string; readonly record: RecordId; readonly coolingOffUntil: number },
): RecordContent {
  return {
    type: 'recovery.completed',
    outcome: 'done',
    subject: subjectOf(row),
    references: [...(row.endedRecord === undefined ? [] : [row.endedRecord]), enrolled.record],
    standing: endOf(row),
    data: {
      recovery: row.id,
      authenticator: enrolled.authenticator,
      cooling_off_until: toInstant(enrolled.coolingOffUntil),
    },
  };
}

export function cancelled(row: StoredRecovery, by: Actor, words: string): RecordContent {
  return {
    type: 'recovery.cancelled',
    outcome: 'done',
    subject: subjectOf(row),
    actors: [by],
    references: [row.recordId],
    standing: endOf(row),
    data: { recovery: row.id, how: 'operator' },
    protectedValues: wordsOf(row.person, words),
  };
}

export function cancelledByPerson(row: StoredRecovery, statement: SignedStatement): RecordContent {
  return {
    type: 'recovery.cancelled',
    outcome: 'done',
    subject: subjectOf(row),
    actors: [subjectOf(row)],
    references: [row.recordId, statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    standing: endOf(row),
    data: { recovery: row.id, how: 'person', ...signedJson(statement) },
  };
}

export function expired(row: StoredRecovery): RecordContent {
  return {
    type: 'recovery.expired',
    outcome: 'done',
    subject: subjectOf(row),
    references: [row.recordId],
    standing: endOf(row),
    data: { recovery: row.id, status: row.status },
  };
}
