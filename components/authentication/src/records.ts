import type { PrincipalId, RecordDraft } from '@countersign/contracts';
import { type Clock, newId, type Random, type SessionId, toInstant } from '@countersign/kernel';
import type { StoredSession } from './sessions/session-store.ts';

const source = 'authentication';
type From = { readonly clock: Clock; readonly random: Random };

/** A person showed who they are: in a new session, or once more in one that goes on. */
export function sessionStarted(
  from: From,
  session: StoredSession,
  facts: {
    readonly institution: string;
    readonly method: string;
    readonly goesOn: boolean;
    readonly address: string | undefined;
    readonly zone?: string | undefined;
  },
): RecordDraft {
  return {
    id: newId('record', from),
    type: 'session.started',
    source,
    outcome: 'permit',
    subject: { id: session.person, institution: facts.institution },
    authentication: {
      method: facts.method,
      acr: session.acr,
      amr: session.amr,
      authTime: Math.floor(session.authTime / 1000),
    },
    ...(facts.address === undefined ? {} : { address: facts.address }),
    ...(facts.zone === undefined ? {} : { zone: facts.zone }),
    data: { session: session.id, goes_on: facts.goesOn, ends_at: toInstant(session.absoluteEndAt) },
  };
}

/** Somebody whom the directory knows was not let in. */
export function sessionRefused(
  from: From,
  facts: {
    readonly person: PrincipalId;
    readonly institution: string;
    readonly method: string;
    readonly reason: string;
    readonly address: string | undefined;
    readonly zone?: string | undefined;
  },
): RecordDraft {
  return {
    id: newId('record', from),
    type: 'session.refused',
    source,
    outcome: 'deny',
    reason: facts.reason,
    subject: { id: facts.person, institution: facts.institution },
    authentication: { method: facts.method },
    ...(facts.address === undefined ? {} : { address: facts.address }),
    ...(facts.zone === undefined ? {} : { zone: facts.zone }),
  };
}

export function sessionEnded(
  from: From,
  session: { readonly id: SessionId; readonly person: PrincipalId },
  reason: string,
): RecordDraft {
  return {
    id: newId('record', from),
    type: 'session.ended',
    source,
    outcome: 'done',
    subject: { id: session.person },
    data: { session: session.id, reason: reason.slice(0, 200) },
  };
}
