import { type Digest, errorVocabulary, type RecordId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { PrincipalId } from './principals.ts';
import type { Requester } from './requester.ts';
import type { KeyPurpose } from './signer.ts';
import { recordIdOfCommand } from './standing.ts';
import type { WorkloadBinding } from './workload-identity.ts';

/** What a certificate may be used for. Each profile belongs to one class of issuing authority. */
export const certificateProfileNames = [
  'trading-agent',
  'risk-service',
  'gateway',
  'internal-process',
  'operator-approval',
  'device',
  'partner-client',
  'time-stamping',
] as const;
export type CertificateProfileName = (typeof certificateProfileNames)[number];

/** Classes of issuing authorities. Each has its own key, name constraints and policy identifiers. */
export const authorityClasses = ['workload', 'person', 'device', 'partner', 'service'] as const;
export type AuthorityClass = (typeof authorityClasses)[number];

/** The signing keys of the issuing authorities, by class. */
export const authorityKeyPurposes = {
  workload: 'certificate-workload',
  person: 'certificate-person',
  device: 'certificate-device',
  partner: 'certificate-partner',
  service: 'certificate-service',
} as const satisfies Readonly<Record<AuthorityClass, KeyPurpose>>;

/** The part of a profile that two people may change. The purposes, names and extensions of a profile belong to the release. */
export interface CertificateProfileTerms {
  /** Whether certificates are issued under it. */
  readonly enabled: boolean;
  /** The longest lifetime, at most the limit of the release. */
  readonly lifetimeSeconds: number;
  /** DNS names, and domains with a leading dot, that a certificate may name; only for profiles with DNS names. */
  readonly dnsNames: readonly string[];
}

export interface CertificateProfile extends CertificateProfileTerms {
  readonly name: CertificateProfileName;
  /** 0 for the terms of the release; each approved change increases it. */
  readonly version: number;
  readonly authority: AuthorityClass;
  /** Object identifier in `certificatePolicies`. */
  readonly policy: string;
  /** `none`: short-lived, with `noRevAvail` (RFC 9608); `listed`: in a revocation list and known to OCSP. */
  readonly revocation: 'none' | 'listed';
  /** The longest lifetime that the release permits. */
  readonly longestSeconds: number;
  /** Kinds of principals that may hold such a certificate. */
  readonly holders: readonly ('person' | 'service' | 'agent' | 'device')[];
}

export const certificateStatuses = ['valid', 'revoked', 'expired'] as const;
export type CertificateStatus = (typeof certificateStatuses)[number];

/** RFC 5280 section 5.3.1; the reasons that callers may give. */
export const revocationReasons = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;
export type RevocationReason = (typeof revocationReasons)[number];

export interface IssuedCertificate {
  /** 32 hexadecimal digits; unique over all authorities of the installation. */
  readonly serial: string;
  readonly status: CertificateStatus;
  readonly profile: CertificateProfileName;
  readonly profileVersion: number;
  /** Key id of the issuing authority. */
  readonly authority: string;
  readonly holder: string;
  /** LEI. */
  readonly institution: string;
  /** RFC 3339. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** SHA-256 of the subject public key info, base64url. */
  readonly key: string;
  /** SHA-256 of the to-be-signed certificate, base64url. */
  readonly tbsDigest: string;
  /** Record of the issuance. */
  readonly recordId: RecordId;
  readonly predecessor?: string;
  readonly revokedAt?: string;
  readonly revocationReason?: RevocationReason;
}

/** A certificate with its encoding. */
export interface ReleasedCertificate extends IssuedCertificate {
  /** DER. */
  readonly certificate: Uint8Array;
  /** DER, from the issuing authority up to the authority below the root. */
  readonly chain: readonly Uint8Array[];
}

/** An issuing authority with its certificate. */
export interface IssuingAuthority {
  /** Key id: RFC 7638 thumbprint of its key. */
  readonly id: string;
  readonly class: AuthorityClass;
  /** `published`: known to verifiers and not yet used; `active`: signs; `retiring`: signs revocation lists only. */
  readonly state: 'published' | 'active' | 'retiring';
  /** RFC 3339. */
  readonly usableFrom: string;
  readonly notAfter: string;
  /** DER. */
  readonly certificate: Uint8Array;
  readonly root: Uint8Array;
  /** SHA-256 of the ceremony's transcript, base64url. */
  readonly transcript: string;
  /** Record of the approval. */
  readonly recordId: RecordId;
}

/** A proposal that waits for its second person: terms of a profile, or the certificates of a ceremony. */
export interface AuthorityProposal {
  readonly id: RecordId;
  readonly kind: 'profile' | 'authority';
  /** Name of the profile, or class of the authority. */
  readonly about: string;
  readonly status: 'proposed' | 'approved' | 'rejected' | 'expired';
  readonly proposedBy: Actor;
  /** RFC 3339. */
  readonly proposedAt: string;
  readonly expiresAt: string;
  readonly reason: string;
  /** What an approver names. */
  readonly digest: Digest;
  readonly terms?: CertificateProfileTerms;
  /** For `authority`: SHA-256 of the certificate, of its root and of the transcript, base64url. */
  readonly authority?: { readonly certificate: string; readonly root: string; readonly transcript: string };
  readonly decidedBy?: Actor;
  readonly decidedAt?: string;
}

export const certificateAuthorityErrors = errorVocabulary({
  /** The request cannot be read, or its signature does not prove possession of the key. */
  certificate_request_invalid: 'invalid',
  /** The profile, the holder or a name in the request is not possible. */
  certificate_request_refused: 'forbidden',
  /** The policies denied it; the detail gives their reason. */
  certificate_not_permitted: 'forbidden',
  /** The key is too weak, or was certified for another holder. */
  certificate_key_refused: 'forbidden',
  /** The certificate would violate its profile or the constraints of the authority. */
  certificate_unfit: 'conflict',
  certificate_unknown: 'not-found',
  /** Revoked or expired. */
  certificate_over: 'conflict',
  /** No authority of the class has an accepted certificate and a key that may sign. */
  authority_unavailable: 'unavailable',
  /** The key of the authority has reached its maximum age. It signs revocation lists only. */
  authority_over_age: 'conflict',
  authority_unknown: 'not-found',
  /** The certificates of the ceremony do not form a valid chain for this authority's key and constraints. */
  authority_certificate_invalid: 'invalid',
  profile_terms_invalid: 'invalid',
  profile_unknown: 'not-found',
  authority_proposal_unknown: 'not-found',
  authority_proposal_settled: 'conflict',
  /** Somebody has decided otherwise meanwhile. */
  authority_proposal_outdated: 'conflict',
  authority_own_proposal: 'forbidden',
  authority_approver_dependent: 'forbidden',
  authority_proposer_gone: 'conflict',
  /** Too many requests from this address. */
  certificate_rate_limited: 'rate-limited',
});

/** A certificate request as people and software send it. */
export interface CertificateOrder {
  readonly profile: CertificateProfileName;
  readonly holder: PrincipalId;
  /** PKCS#10, DER. */
  readonly request: Uint8Array;
  /** Shorter than the profile permits; the profile's lifetime when left out. */
  readonly lifetimeSeconds?: number;
  /** Serial of the certificate that this one replaces; the same holder and profile. */
  readonly predecessor?: string;
  /** What was established about the workload behind the request. Only the attestation in this installation sets it. */
  readonly workload?: WorkloadBinding;
}

/** What a certificate request for an issuing authority must become: the ceremony grants exactly this. */
export interface AuthorityRequest {
  readonly class: AuthorityClass;
  /** Key id. */
  readonly id: string;
  /** PKCS#10, DER. */
  readonly request: Uint8Array;
  readonly name: string;
  readonly organization: string;
  /** URI hosts and DNS names that certificates of this authority may name; empty excludes every DNS name. */
  readonly uriHosts: readonly string[];
  readonly dnsNames: readonly string[];
  /** Object identifiers. */
  readonly policies: readonly string[];
}

/**
 * The private certificate authority. Every issuance and revocation is a command: the policies decide, the record is durable, and
 * only then a key signs. Revocation is read from the log, so that rows that were put back cannot undo it.
 */
export interface CertificateAuthority {
  /** @throws CodedError `certificate_request_invalid` and others of {@link certificateAuthorityErrors}; `log_unavailable` */
  issue(order: CertificateOrder, by: Requester): Promise<ReleasedCertificate>;
  /**
   * Idempotent.
   *
   * @throws CodedError `certificate_unknown`, `certificate_over` when it has expired
   */
  revoke(serial: string, reason: RevocationReason, by: Requester): Promise<IssuedCertificate>;
  find(serial: string): Promise<ReleasedCertificate | undefined>;
  /** Newest first, at most 100. */
  list(filter: {
    readonly holder?: string;
    readonly institution?: string;
    readonly profile?: string;
    readonly status?: CertificateStatus;
  }): Promise<readonly IssuedCertificate[]>;
}

/** The name of a certificate as a thing in the log. */
export const certificateThing = (serial: string): string => `certificate:${serial}`;
/** Stands from the revocation on. Every process can look it up without asking the authority. */
export const revokedCertificateThing = (serial: string): string => `revoked-certificate:${serial}`;

/** The record of the issuance; its id is derived from the serial number. */
export function issuanceRecordOf(serial: string): RecordId {
  return recordIdOfCommand({ first: certificateThing(serial) });
}
