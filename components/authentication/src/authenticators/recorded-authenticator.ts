import type { RecordedKind } from '@countersign/commands';
import type { Notices } from '@countersign/contracts';
import { type AuthenticatorId, derivedId, type Json, membersOf, sha256 } from '@countersign/kernel';
import { en } from '../texts/en.ts';
import type { AuthenticatorRow, AuthenticatorStore } from './authenticator-store.ts';
import type { InvitationStore } from './invitation-store.ts';
import { noticeIdOf } from './records.ts';
import { authenticatorClaim } from './row-claims.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

/** With the further values of a new row. */
export interface AuthenticatorState extends Omit<StoredAuthenticator, 'name' | 'lastUsedAt'> {
  /** Restricted and not in the recorded state: a row written from its record is named by its position. */
  readonly name?: string;
  /** No notice, because the person has left. */
  readonly isQuiet?: true;
}

export type AuthenticatorKind = RecordedKind<AuthenticatorId, AuthenticatorState, AuthenticatorRow>;

/** Derived from the credential, so that it is found even if only its record exists. */
export function authenticatorIdOf(credentialId: string): AuthenticatorId {
  return derivedId('authenticator', 0, sha256(`authenticator ${credentialId}`).subarray(0, 10));
}

/** Recorded things (docs/adr/0057); rows of removed ones stay. */
export function createAuthenticatorKind(dependencies: {
  readonly authenticators: AuthenticatorStore;
  readonly invitations: InvitationStore;
  readonly notices?: Notices | undefined;
}): AuthenticatorKind {
  const { authenticators, invitations, notices } = dependencies;
  return {
    kind: 'authenticator',
    find: (session, id) => authenticators.findById(session, id),
    lock: (session, id) => authenticators.lockById(session, id),
    recordOf: ({ endedBy, recordId }) => endedBy ?? recordId,
    content: contentOf,
    carried: ({ name: _, ...state }) => ({ ...state, jwk: { ...state.jwk }, transports: [...state.transports] }),
    // A record of our own, whose digest agrees with the newest in the log.
    stateOf: (carried) => carried as unknown as AuthenticatorState,
    forgets: true,
    async put(session, state, { record }) {
      if (isEnded(state)) return authenticators.end(session, state, record);
      await authenticators.insert(session, state);
      // The first key ends all open invitations.
      await invitations.endAllOf(session, state.person, Date.parse(state.registeredAt));
    },
    async notify({ id, person, name = 'Key', isQuiet, suspendedAt, removedAt }, { record }) {
      // The notice of a suspension is sent afterwards.
      if (isQuiet === true || (suspendedAt !== undefined && removedAt === undefined)) return;
      const [kind, text] =
        removedAt === undefined
          ? (['authenticator-added', en.notices.added(name)] as const)
          : (['authenticator-removed', en.notices.removed(name)] as const);
      await notices?.notify({ id: noticeIdOf(record), to: person, kind, text, facts: { authenticator: id } });
    },
  };
}

export const isEnded = ({ suspendedAt, removedAt }: Pick<AuthenticatorState, 'suspendedAt' | 'removedAt'>): boolean =>
  suspendedAt !== undefined || removedAt !== undefined;

function contentOf(state: Omit<AuthenticatorState, 'name'>): Json {
  const { content } = authenticatorClaim(state);
  const { suspendedAt = null, removedAt = null } = state;
  return isEnded(state) ? { ...membersOf(content), suspended_at: suspendedAt, removed_at: removedAt } : content;
}

/** For a further record. */
export function stateOf({ lastUsedAt: _, endedBy: __, ...state }: AuthenticatorRow): AuthenticatorState {
  return state;
}
