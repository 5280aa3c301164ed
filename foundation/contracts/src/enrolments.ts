import { type EnrolmentId, errorVocabulary, type RecordId } from '@countersign/kernel';
import type { CertificateProfileName } from './certificate-authority.ts';

export const enrolmentStatuses = ['open', 'used', 'expired', 'ended'] as const;
export type EnrolmentStatus = (typeof enrolmentStatuses)[number];

/**
 * Permission for one principal to obtain certificates of one profile by ACME (RFC 8555). Its one-time secret opens one account, which
 * is a credential of this principal alone.
 */
export interface Enrolment {
  readonly id: EnrolmentId;
  /** `open`: the secret is not used yet; `used`: there is an account; `ended`: nothing can be obtained any more. */
  readonly status: EnrolmentStatus;
  readonly profile: CertificateProfileName;
  readonly holder: string;
  /** LEI. */
  readonly institution: string;
  /** Hosts that certificates may name; none for profiles whose certificates name no hosts. */
  readonly dnsNames: readonly string[];
  readonly madeBy: string;
  /** RFC 3339. */
  readonly madeAt: string;
  /** Until when the secret can be used. */
  readonly expiresAt: string;
  /** RFC 7638 thumbprint of the account's key. */
  readonly accountKey?: string;
  readonly endedAt?: string;
  readonly endReason?: string;
  /** The record that made it. */
  readonly recordId: RecordId;
}

/** What an ACME client is configured with. */
export interface NewEnrolment extends Enrolment {
  /** URL of the ACME directory. */
  readonly directory: string;
  /** HMAC key for the external account binding, base64url. Shown once, and never stored. */
  readonly secret: string;
}

export const enrolmentErrors = errorVocabulary({
  /** The profile, the lifetime or a host name is not possible for an enrolment. */
  enrolment_invalid: 'invalid',
  enrolment_unknown: 'not-found',
});

/** The name of an enrolment as a thing in the log. */
export const enrolmentThing = (id: string): string => `enrolment:${id}`;
