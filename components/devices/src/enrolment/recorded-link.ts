import type { RecordedKind } from '@countersign/commands';
import { membersOf } from '@countersign/kernel';
import { enrolmentClaim } from '../row-claims.ts';
import type { EnrolmentStore, OpenEnrolment } from '../store/enrolments.ts';

/** `endedAt` (milliseconds since the epoch) once it was closed. */
export interface LinkState extends OpenEnrolment {
  readonly endedAt?: number;
}

export type LinkKind = RecordedKind<string, LinkState, OpenEnrolment>;

/** Enrolment links as recorded things (docs/adr/0057), one per device and under its id. */
export function createLinkKind(enrolments: EnrolmentStore): LinkKind {
  return {
    kind: 'device-enrolment',
    find: (session, device) => enrolments.ofDevice(session, device),
    lock: (session, device) => enrolments.ofDevice(session, device, 'for update'),
    recordOf: ({ recordId }) => recordId,
    content({ endedAt, ...open }) {
      const { content } = enrolmentClaim(open, Buffer.from(open.codeHash, 'base64url'));
      return endedAt === undefined ? content : { ...membersOf(content), ended_at: endedAt };
    },
    carried: ({ expiresAt, openedBy, ...state }) => ({
      ...{ ...state, openedBy: { ...openedBy }, expiresAt: expiresAt.getTime() },
    }),
    stateOf(carried) {
      // A record of our own, whose digest agrees with the newest in the log.
      const { expiresAt, ...state } = carried as unknown as Omit<LinkState, 'expiresAt'> & {
        readonly expiresAt: number;
      };
      return { ...state, expiresAt: new Date(expiresAt) };
    },
    put: (session, { endedAt, ...open }) =>
      endedAt === undefined ? enrolments.put(session, open) : enrolments.remove(session, open.device),
    forgets: true,
  };
}
