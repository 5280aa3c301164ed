import type { RecordedKind } from '@countersign/commands';
import type { PrincipalId } from '@countersign/contracts';
import { type Clock, membersOf } from '@countersign/kernel';
import type { InvitationStore, OpenInvitation } from './invitation-store.ts';
import { invitationClaim } from './row-claims.ts';

/** The link of a person; `endedAt` (milliseconds since the epoch) once it has ended. */
export interface InvitationState extends OpenInvitation {
  readonly endedAt?: number;
}

export type InvitationKind = RecordedKind<PrincipalId, InvitationState, OpenInvitation>;

/**
 * The links of people as things that are recorded (docs/adr/0057): one of each person, by the id of the person. One that has ended is
 * no row here, and rows are removed in time.
 */
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
    stateOf: (carried) => carried as unknown as InvitationState,
    async put(session, { endedAt, ...open }) {
      // One link at a time: a new one ends those that went astray.
      await invitations.endAllOf(session, open.person, endedAt ?? clock.now());
      if (endedAt === undefined) await invitations.insert(session, open);
    },
    forgets: true,
  };
}
