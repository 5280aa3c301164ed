import {
  type Actor,
  type Claim,
  ended,
  type ProtectedValue,
  type RecordDraft,
  recordIdAfter,
  type SignedStatement,
  type Standing,
  standing,
} from '@countersign/contracts';
import { type Clock, type Json, newId, type Random, type RecordId, toInstant } from '@countersign/kernel';
import { approvalClaim, credentialsEndedThing, recoveryClaim, recoveryThing } from './row-claims.ts';
import { signedJson } from './statement.ts';
import type { StoredRecovery } from './store.ts';

const source = 'recovery';
type From = { readonly clock: Clock; readonly random: Random };
type About = Pick<StoredRecovery, 'id' | 'person' | 'institution'>;

const says = ({ of, content }: Claim): readonly Standing[] => [standing(of, content)];
const endOf = ({ id }: About): readonly Standing[] => [ended(recoveryThing(id))];

/** It ends once: whoever repeats that after a process has died finds what it recorded. */
const endRecordOf = ({ id, recordId }: Pick<StoredRecovery, 'id' | 'recordId'>): RecordId =>
  recordIdAfter(recoveryThing(id), recordId);

const subjectOf = ({ person, institution }: About): Actor => ({ id: person, institution });
const wordsOf = (person: string, value: string | undefined): readonly ProtectedValue[] =>
  value === undefined ? [] : [{ path: '/data/words', kind: 'personal', subject: person, value }];

export function recoveryOpened(stored: StoredRecovery, by: Actor): RecordDraft {
  return {
    id: stored.recordId,
    type: 'recovery.opened',
    source,
    outcome: 'done',
    subject: subjectOf(stored),
    actors: [by],
    standing: says(recoveryClaim(stored)),
    data: { recovery: stored.id, digest: stored.digest, expires_at: toInstant(stored.expiresAt) },
    protectedValues: [
      { path: '/data/reason', kind: 'personal', subject: stored.person, value: stored.reason },
      { path: '/data/evidence', kind: 'personal', subject: stored.person, value: stored.evidence },
    ],
  };
}

/** Of who signed a statement, and how. */
function authenticationOf({ claims, authenticator }: SignedStatement): NonNullable<RecordDraft['authentication']> {
  return { method: 'webauthn', acr: authenticator.acr, authTime: claims.iat };
}

export function recoveryApproved(
  id: RecordId,
  stored: StoredRecovery,
  approval: { readonly statement: SignedStatement; readonly function: string },
): RecordDraft {
  const { statement } = approval;
  return {
    id,
    type: 'recovery.approved',
    source,
    outcome: 'permit',
    subject: subjectOf(stored),
    actors: [{ id: statement.authenticator.person, institution: stored.institution }],
    references: [stored.recordId, statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    standing: says(
      approvalClaim(stored.id, { by: statement.authenticator.person, function: approval.function, recordId: id }),
    ),
    data: { recovery: stored.id, function: approval.function, digest: stored.digest, ...signedJson(statement) },
  };
}

export function recoveryRefused(
  from: From,
  refusal: {
    readonly step: 'open' | 'approve' | 'refuse' | 'cancel' | 'invite';
    readonly reason: string;
    readonly subject: Actor;
    readonly by: Actor;
    readonly recovery?: Pick<StoredRecovery, 'id' | 'recordId'>;
    readonly function?: string;
    readonly words?: string;
    /** It ends by this. */
    readonly ends?: boolean;
  },
): RecordDraft {
  const { step, reason, subject, by, recovery, words } = refusal;
  return {
    id: refusal.ends === true && recovery !== undefined ? endRecordOf(recovery) : newId('record', from),
    type: 'recovery.refused',
    source,
    outcome: 'deny',
    reason,
    subject,
    actors: [by],
    ...(recovery === undefined ? {} : { references: [recovery.recordId] }),
    ...(refusal.ends === true && recovery !== undefined ? { standing: [ended(recoveryThing(recovery.id))] } : {}),
    data: {
      ...(recovery === undefined ? {} : { recovery: recovery.id }),
      step,
      ...(refusal.function === undefined ? {} : { function: refusal.function }),
    },
    protectedValues: wordsOf(subject.id, words),
  };
}

export function credentialsEnded(
  stored: StoredRecovery,
  counts: { readonly authenticators: number; readonly sessions: number },
): RecordDraft {
  return {
    id: stored.endedRecord,
    type: 'recovery.credentials-ended',
    source,
    outcome: 'done',
    subject: subjectOf(stored),
    references: [stored.recordId, ...stored.approvals.map(({ recordId }) => recordId)],
    standing: [standing(credentialsEndedThing(stored.id), true)],
    data: { recovery: stored.id, ...counts },
  };
}

export function recoveryCompleted(
  stored: StoredRecovery,
  enrolled: { readonly authenticator: string; readonly recordId: RecordId; readonly coolingOffUntil: number },
): RecordDraft {
  return {
    id: stored.completionRecord,
    type: 'recovery.completed',
    source,
    outcome: 'done',
    subject: subjectOf(stored),
    references: [stored.endedRecord, enrolled.recordId],
    standing: endOf(stored),
    data: {
      recovery: stored.id,
      authenticator: enrolled.authenticator,
      cooling_off_until: toInstant(enrolled.coolingOffUntil),
    },
  };
}

export function recoveryCancelled(
  stored: StoredRecovery,
  by: { readonly operator: Actor; readonly words: string } | { readonly person: SignedStatement },
): RecordDraft {
  const base = {
    id: endRecordOf(stored),
    type: 'recovery.cancelled',
    source,
    outcome: 'done',
    standing: endOf(stored),
  } as const;
  const subject = subjectOf(stored);
  if ('operator' in by)
    return {
      ...base,
      subject,
      actors: [by.operator],
      references: [stored.recordId],
      data: { recovery: stored.id, how: 'operator' },
      protectedValues: wordsOf(stored.person, by.words),
    };
  const data: Json = { recovery: stored.id, how: 'person', ...signedJson(by.person) };
  return {
    ...base,
    subject,
    actors: [subject],
    references: [stored.recordId, by.person.authenticator.recordId],
    authentication: authenticationOf(by.person),
    data,
  };
}

export function recoveryExpired(stored: StoredRecovery): RecordDraft {
  return {
    id: stored.expiryRecord,
    type: 'recovery.expired',
    source,
    outcome: 'done',
    subject: subjectOf(stored),
    references: [stored.recordId],
    standing: endOf(stored),
    data: { recovery: stored.id, status: stored.status },
  };
}
