import type { RecordedKind } from '@countersign/commands';
import type { PrincipalId } from '@countersign/contracts';
import { type Clock, membersOf } from '@countersign/kernel';
import type { InvitationStore, OpenInvitation } from './invitation-store.ts';
import { invitationClaim } from './row-claims.ts';

/** `endedAt` (milliseconds since the epoch) once it has ended. */
export interface InvitationState extends OpenInvitation {
  readonly endedAt?: number;
}

export type InvitationKind = RecordedKind<PrincipalId, InvitationState, OpenInvitation>;

/** Invitations as recorded things (docs/adr/0057), one per person and under the person's id; ended ones have no row. */
export function createInvitationKind(invitations: InvitationStore, clock: Clock): InvitationKind {
  return {
    kind: 'invitation',
    find: (session, person) => invitations.openOf(session, person),
    lock: (session, person) => invitations.openOf(session, person, 'for update'),
    recordOf: ({ recordId }) => recordId,
    content({ endedAt, ...open }) {
      const { content } = invitationClaim(open, Buffer.from(open.secretHash, 'base64url'));
      return endedAt === undefined ? content : { ...membersOf(content), ended_at: endedAt };
    },
    carried: (state) => ({ ...state }),
    // A record of our own, whose digest agrees with the newest in the log.
    stateOf: (carried) => carried as unknown as InvitationState,
    async put(session, { endedAt, ...open }) {
      // One open invitation at a time.
      await invitations.endAllOf(session, open.person, endedAt ?? clock.now());
      if (endedAt === undefined) await invitations.insert(session, open);
    },
    forgets: true,
  };
}
