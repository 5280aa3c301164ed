import { type Digest, errorVocabulary, type RecordId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { PrincipalId } from './principals.ts';
import type { Requester } from './requester.ts';

/**
 * How far a fact about a workload can be believed, weakest first. `asserted`: somebody said so; `kernel-observed`: the attester read it
 * from the operating system of its own machine; `platform-signed`: a platform such as Kubernetes, a CI system or a build service signed
 * it; `hardware-rooted`: a key in the processor or in a security chip signed it.
 */
export const assuranceLevels = ['asserted', 'kernel-observed', 'platform-signed', 'hardware-rooted'] as const;
export type AssuranceLevel = (typeof assuranceLevels)[number];

/** Whether a level is at least another. */
export const isAtLeast = (level: AssuranceLevel, minimum: AssuranceLevel): boolean =>
  assuranceLevels.indexOf(level) >= assuranceLevels.indexOf(minimum);

/** Profiles of certificates that workloads get. */
export const workloadProfiles = ['trading-agent', 'risk-service', 'gateway'] as const;
export type WorkloadProfile = (typeof workloadProfiles)[number];

/** Facts about a workload, in the order in which they are compared. Each comes from one or several kinds of evidence. */
export const workloadFactNames = [
  'environment',
  'image',
  'script-tree',
  'lock-file',
  'configuration',
  'user',
  'executable',
  'systemd-unit',
  'kubernetes-namespace',
  'kubernetes-service-account',
  'kubernetes-pod',
  'ci-repository',
  'ci-ref',
  'ci-workflow',
  'ci-environment',
  'platform-status',
  'platform-verifier',
] as const;
export type WorkloadFactName = (typeof workloadFactNames)[number];

/** Kinds of evidence. */
export const evidenceKinds = ['self', 'launcher', 'process', 'kubernetes', 'ci-token', 'attestation-result'] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];

/** A fact that an attestor established. */
export interface WorkloadFact {
  readonly name: WorkloadFactName;
  readonly value: string;
  readonly level: AssuranceLevel;
  readonly evidence: EvidenceKind;
}

/** An expected fact: one of these values, established at the entry's level or at a higher one. */
export interface WorkloadSelector {
  readonly name: WorkloadFactName;
  readonly values: readonly string[];
  /** Another minimum than that of the entry. */
  readonly level?: AssuranceLevel;
}

/** What two people register for a workload. */
export interface WorkloadTerms {
  /** The principal that the workload is; its SPIFFE ID follows from it. */
  readonly holder: PrincipalId;
  readonly profile: WorkloadProfile;
  /** Minimum level of every expected fact but the environment. */
  readonly level: AssuranceLevel;
  /** Principals of the attesters (services) that may present the workload. */
  readonly attesters: readonly PrincipalId[];
  /** E.g. `production`. */
  readonly environment: string;
  /** SHA-256 of the permitted images, 64 hexadecimal digits each. */
  readonly images: readonly string[];
  /** SHA-256 of the approved configuration, 64 hexadecimal digits. */
  readonly configuration?: string;
  readonly selectors: readonly WorkloadSelector[];
  /** For the profile `gateway`. */
  readonly dnsNames: readonly string[];
  /** Audiences that its JWT-SVIDs may have. */
  readonly audiences: readonly string[];
}

export interface WorkloadEntry extends WorkloadTerms {
  readonly name: string;
  readonly spiffeId: string;
  /** Each approved change increases it. */
  readonly version: number;
  readonly status: 'active' | 'suspended';
  /** Record of the approval. */
  readonly recordId: RecordId;
}

export interface WorkloadProposal {
  readonly id: RecordId;
  readonly entry: string;
  readonly status: 'proposed' | 'approved' | 'rejected' | 'expired';
  readonly terms: WorkloadTerms;
  readonly proposedBy: Actor;
  /** RFC 3339. */
  readonly proposedAt: string;
  readonly expiresAt: string;
  readonly reason: string;
  /** What an approver names. */
  readonly digest: Digest;
  readonly decidedBy?: Actor;
  readonly decidedAt?: string;
}

export const workloadErrors = errorVocabulary({
  /** The terms of an entry contradict each other, or ask for less than the profile demands. */
  workload_terms_invalid: 'invalid',
  workload_unknown: 'not-found',
  workload_proposal_unknown: 'not-found',
  workload_proposal_settled: 'conflict',
  workload_proposal_outdated: 'conflict',
  workload_own_proposal: 'forbidden',
  workload_approver_dependent: 'forbidden',
  workload_proposer_gone: 'conflict',
  /** The caller is not an attester of this entry. */
  workload_attester_unknown: 'forbidden',
  /** The entry was suspended, or its principal left, was revoked or lost its certification. */
  workload_ended: 'forbidden',
  /** The evidence cannot be read. */
  workload_evidence_invalid: 'invalid',
  /** The evidence is forged, expired, for another key, or of somebody who is not trusted. */
  workload_evidence_refused: 'forbidden',
  /** No evidence establishes an expected fact. */
  workload_evidence_missing: 'forbidden',
  /** A fact is established at a lower level than the entry demands. */
  workload_assurance_low: 'forbidden',
  workload_environment_differs: 'forbidden',
  workload_image_differs: 'forbidden',
  workload_configuration_differs: 'forbidden',
  /** Another expected fact has another value. */
  workload_fact_differs: 'forbidden',
  /** A JWT-SVID for this audience is not registered. */
  workload_audience_refused: 'forbidden',
  /** An outside verifier that is needed did not answer. */
  workload_verifier_unavailable: 'unavailable',
});

/** The facts about the workload behind a certificate, in the certificate and for the policies. */
export interface WorkloadBinding {
  readonly entry: string;
  readonly level: AssuranceLevel;
  readonly environment: string;
  /** SHA-256 of the running image, 64 hexadecimal digits. */
  readonly image: string;
  /** SHA-256 of the configuration, 64 hexadecimal digits; left out when the entry binds none. */
  readonly configuration?: string;
  /** DNS names that the entry registers; the request need not name them. */
  readonly dnsNames: readonly string[];
  /** SHA-256 of the facts that were established, base64url. The record of the attestation contains them. */
  readonly evidence: Digest;
  /** Record of the attestation. */
  readonly record: RecordId;
}

/** An X.509-SVID with all that a workload needs to use it. */
export interface IssuedSvid extends WorkloadBinding {
  readonly spiffeId: string;
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** RFC 3339. */
  readonly notAfter: string;
  readonly serial: string;
}

/** A request for an SVID, as an attester presents it. */
export interface SvidRequest {
  readonly entry: string;
  readonly evidence: readonly unknown[];
  /** PKCS#10, DER. */
  readonly request: Uint8Array;
}

/** A JWT-SVID. */
export interface IssuedJwtSvid {
  readonly spiffeId: string;
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  /** Record of the issue. */
  readonly recordId: RecordId;
}

/** Registration and attestation of workloads. Certificates come from the issue command of the certificate authority. */
export interface WorkloadIdentity {
  /** @throws CodedError of {@link workloadErrors} and of `certificateAuthorityErrors`; `log_unavailable` */
  issue(request: SvidRequest, by: Requester): Promise<IssuedSvid>;
  /** @throws CodedError of {@link workloadErrors}; `log_unavailable` */
  issueToken(
    request: Pick<SvidRequest, 'entry' | 'evidence'> & { readonly audiences: readonly string[] },
    by: Requester,
  ): Promise<IssuedJwtSvid>;
}

/** Stands while an entry is suspended. Every process can look it up without asking the component. */
export const suspendedWorkloadThing = (entry: string): string => `suspended-workload:${entry}`;

/** Stands once the machine of an attester had other software than the entry permits. Ends what it attested before. */
export const refusedWorkloadThing = (entry: string, attester: string): string =>
  `refused-workload:${entry}/${attester}`;

/** Stands while an entry that permitted this image and configuration no longer does. */
export const supersededWorkloadThing = (
  entry: string,
  { image, configuration = '' }: { readonly image: string; readonly configuration?: string | undefined },
): string => `superseded-workload:${entry}/${image}/${configuration}`;

/** Whether a certificate still counts. `renew`: another attestation decides. */
export type WorkloadStanding =
  | { readonly is: 'active' }
  | { readonly is: 'renew' | 'ended'; readonly reason: string; readonly detail: string };
