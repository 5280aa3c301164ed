import {
  type AuthorityClass,
  actionOf,
  authorityClasses,
  type CertificateProfileName,
  type CertificateProfileTerms,
  certificateProfileNames,
  type EvidenceRecord,
  type LogEntry,
  type RecordedAction,
  type RecordType,
} from '@countersign/contracts';
import { type Digest, decodeBase64Url, parseDigest, parseInstant, type RecordId } from '@countersign/kernel';
import { approvedData, proposedData, rejectedData } from './record-data.ts';

/** Records that make up the state of profiles and authorities. All are of class `custody` and never pruned. */
export const foldedTypes = ['pki.proposed', 'pki.approved', 'pki.rejected'] as const satisfies readonly RecordType[];

/** The certificates of a ceremony. */
export interface CeremonyResult {
  /** Key id of the issuing authority. */
  readonly id: string;
  /** DER. */
  readonly certificate: Uint8Array;
  readonly root: Uint8Array;
  /** SHA-256 of the transcript, base64url. */
  readonly transcript: string;
}

interface Proposed {
  readonly id: RecordId;
  readonly proposal: RecordedAction;
  readonly expiresAt: number;
  readonly digest: Digest;
  readonly status: 'proposed' | 'approved' | 'rejected';
  readonly decision?: RecordedAction;
}
export interface ProfileProposal extends Proposed {
  readonly kind: 'profile';
  readonly about: CertificateProfileName;
  readonly terms: CertificateProfileTerms;
}
export interface AuthorityProposalState extends Proposed {
  readonly kind: 'authority';
  readonly about: AuthorityClass;
  readonly authority: CeremonyResult;
}
export type Proposal = ProfileProposal | AuthorityProposalState;

/** An issuing authority that two people have accepted. */
export interface AcceptedAuthority extends CeremonyResult {
  readonly class: AuthorityClass;
  /** Milliseconds since the epoch. */
  readonly usableFrom: number;
  readonly record: RecordId;
}

export interface ApprovedTerms {
  readonly version: number;
  readonly terms: CertificateProfileTerms;
  readonly record: RecordId;
}

/** Profiles, authorities and proposals, derived from the log. */
export interface PkiState {
  /** Profiles whose terms two people have changed. */
  readonly profiles: ReadonlyMap<CertificateProfileName, ApprovedTerms>;
  /** In the order of their approval. */
  readonly authorities: readonly AcceptedAuthority[];
  readonly proposals: ReadonlyMap<string, Proposal>;
  /** Index of the newest record that was read. */
  readonly upTo: bigint;
}

/**
 * Derives the state from the log, record by record. If two records contradict each other the first counts: all nodes
 * read the same order.
 */
export function createFold(onUnreadable: (record: EvidenceRecord) => void) {
  const profiles = new Map<CertificateProfileName, ApprovedTerms>();
  const authorities: AcceptedAuthority[] = [];
  const proposals = new Map<string, Proposal>();
  let upTo = -1n;

  function propose(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!proposedData.Check(data)) return false;
    const expiresAt = parseInstant(data.expires_at);
    const digest = parseDigest(data.digest);
    if (expiresAt === undefined || digest === undefined) return false;
    const common = {
      ...{ id: record.id, proposal: actionOf(record, data.reason), expiresAt, digest },
      status: 'proposed',
    } as const;
    if (data.kind === 'profile') {
      const about = certificateProfileNames.find((name) => name === data.about);
      if (about === undefined || data.terms === undefined) return false;
      const { enabled, lifetime_seconds: lifetimeSeconds, dns_names: dnsNames } = data.terms;
      proposals.set(record.id, { ...common, kind: 'profile', about, terms: { enabled, lifetimeSeconds, dnsNames } });
      return true;
    }
    const about = authorityClasses.find((name) => name === data.about);
    const certificate = decodeBase64Url(data.authority?.certificate ?? '');
    const root = decodeBase64Url(data.authority?.root ?? '');
    if (about === undefined || data.authority === undefined || certificate === undefined || root === undefined)
      return false;
    const { id, transcript } = data.authority;
    proposals.set(record.id, {
      ...common,
      kind: 'authority',
      about,
      authority: { id, certificate, root, transcript },
    });
    return true;
  }

  function approve(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!approvedData.Check(data)) return false;
    const proposal = proposals.get(data.proposal);
    if (proposal?.status !== 'proposed' || proposal.digest !== data.digest) return true;
    proposals.set(proposal.id, { ...proposal, status: 'approved', decision: actionOf(record) });
    if (proposal.kind === 'profile') {
      const version = (profiles.get(proposal.about)?.version ?? 0) + 1;
      profiles.set(proposal.about, { version, terms: proposal.terms, record: record.id });
      return true;
    }
    const usableFrom = parseInstant(data.usable_from ?? '');
    if (usableFrom === undefined) return false;
    authorities.push({ ...proposal.authority, class: proposal.about, usableFrom, record: record.id });
    return true;
  }

  function reject(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!rejectedData.Check(data)) return false;
    const proposal = proposals.get(data.proposal);
    if (proposal?.status === 'proposed')
      proposals.set(proposal.id, { ...proposal, status: 'rejected', decision: actionOf(record, data.reason) });
    return true;
  }

  const readers: Readonly<Record<(typeof foldedTypes)[number], (record: EvidenceRecord) => boolean>> = {
    'pki.proposed': propose,
    'pki.approved': approve,
    'pki.rejected': reject,
  };

  return {
    /** Applies the next record; a record that was applied before is ignored. */
    take({ index, record }: LogEntry): void {
      if (index <= upTo) return;
      upTo = index;
      const type = foldedTypes.find((known) => known === record.type);
      if (type !== undefined && !readers[type](record)) onUnreadable(record);
    },
    state: (): PkiState => ({
      profiles: new Map(profiles),
      authorities: [...authorities],
      proposals: new Map(proposals),
      upTo,
    }),
  };
}
