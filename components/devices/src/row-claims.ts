import type { Claim } from '@countersign/contracts';
import type { StoredCredential } from './store/credentials.ts';
import type { StoredEnrolment } from './store/enrolments.ts';
import type { StoredPosture } from './store/postures.ts';

// What the log says of each row (docs/adr/0043).

export function credentialClaim(credential: StoredCredential): Claim {
  const { device, institution, kind, jwk, enrolledAt, recordId } = credential;
  return {
    of: `device-credential:${kind}:${credential.thumbprint}`,
    content: { device, institution, kind, jwk, enrolled_at: enrolledAt.getTime(), record: recordId },
  };
}

/** The newest enrolment of a device; its row may not have been written yet. */
export const enrolledThing = (device: string): string => `device-enrolled:${device}`;

/** A device has one link: the newest, until it is used, closed or replaced. */
export const enrolmentThing = (device: string): string => `device-enrolment:${device}`;

/** @param codeHash of the code in the address of the link */
export function enrolmentClaim(enrolment: StoredEnrolment, codeHash: Buffer): Claim {
  const { device, institution, openedBy, recordId, expiresAt } = enrolment;
  return {
    of: enrolmentThing(device),
    content: {
      code: codeHash.toString('base64url'),
      institution,
      opened_by: { ...openedBy },
      record: recordId,
      ends_at: expiresAt.getTime(),
    },
  };
}

export const postureThing = (device: string): string => `device-posture:${device}`;

/** `postureAt` is left out, because each report has a new time and only changes are recorded. */
export function postureClaim({ device, institution, posture, failed }: StoredPosture): Claim {
  return { of: postureThing(device), content: { institution, posture, failed: [...failed] } };
}
