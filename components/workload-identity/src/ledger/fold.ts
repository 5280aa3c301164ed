import {
  actionOf,
  type EvidenceRecord,
  type LogEntry,
  type RecordedAction,
  type RecordType,
  type WorkloadTerms,
} from '@countersign/contracts';
import { type Digest, isCodedError, parseDigest, parseInstant, type RecordId } from '@countersign/kernel';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { readTerms } from '../terms.ts';

/** Records that make up the state of registration entries. All are of class `custody` and never pruned. */
export const foldedTypes = [
  'workload.proposed',
  'workload.approved',
  'workload.rejected',
  'workload.suspended',
] as const satisfies readonly RecordType[];

export interface ProposalState {
  readonly id: RecordId;
  readonly entry: string;
  readonly terms: WorkloadTerms;
  readonly proposal: RecordedAction;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly digest: Digest;
  readonly status: 'proposed' | 'approved' | 'rejected';
  readonly decision?: RecordedAction;
}

export interface EntryState {
  readonly name: string;
  readonly terms: WorkloadTerms;
  readonly version: number;
  readonly status: 'active' | 'suspended';
  /** Record of the approval. */
  readonly record: RecordId;
  /** Its index in the log. */
  readonly index: bigint;
  /** Milliseconds since the epoch. */
  readonly approvedAt: number;
}

/** Entries and proposals, derived from the log. */
export interface RegisterState {
  readonly entries: ReadonlyMap<string, EntryState>;
  readonly proposals: ReadonlyMap<string, ProposalState>;
  /** Index of the newest record that was read. */
  readonly upTo: bigint;
}

const text = Type.String();
const further = { additionalProperties: true };
const proposedData = Compile(
  Type.Object({ entry: text, terms: Type.Unknown(), reason: text, expires_at: text, digest: text }, further),
);
const approvedData = Compile(Type.Object({ proposal: text, digest: text }, further));
const rejectedData = Compile(Type.Object({ proposal: text, reason: text }, further));
const suspendedData = Compile(Type.Object({ entry: text }, further));

/**
 * Derives the state from the log, record by record. If two records contradict each other the first counts: all nodes
 * read the same order.
 */
export function createFold(onUnreadable: (record: EvidenceRecord) => void) {
  const entries = new Map<string, EntryState>();
  const proposals = new Map<string, ProposalState>();
  let upTo = -1n;

  function propose(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!proposedData.Check(data)) return false;
    const expiresAt = parseInstant(data.expires_at);
    const digest = parseDigest(data.digest);
    const terms = termsIn(data.terms);
    if (expiresAt === undefined || digest === undefined || terms === undefined) return false;
    proposals.set(record.id, {
      ...{ id: record.id, entry: data.entry, terms, expiresAt, digest },
      proposal: actionOf(record, data.reason),
      status: 'proposed',
    });
    return true;
  }

  function approve(record: EvidenceRecord, index: bigint): boolean {
    const { data } = record;
    if (!approvedData.Check(data)) return false;
    const proposal = proposals.get(data.proposal);
    if (proposal?.status !== 'proposed' || proposal.digest !== data.digest) return true;
    const { entry: name, terms } = proposal;
    proposals.set(proposal.id, { ...proposal, status: 'approved', decision: actionOf(record) });
    const approvedAt = parseInstant(record.time) ?? 0;
    const version = (entries.get(name)?.version ?? 0) + 1;
    entries.set(name, { name, terms, version, status: 'active', record: record.id, index, approvedAt });
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

  function suspend({ data }: EvidenceRecord): boolean {
    if (!suspendedData.Check(data)) return false;
    const entry = entries.get(data.entry);
    if (entry !== undefined) entries.set(entry.name, { ...entry, status: 'suspended' });
    return true;
  }

  const readers: Readonly<Record<(typeof foldedTypes)[number], (record: EvidenceRecord, index: bigint) => boolean>> = {
    'workload.proposed': propose,
    'workload.approved': approve,
    'workload.rejected': reject,
    'workload.suspended': suspend,
  };

  return {
    /** Applies the next record; a record that was applied before is ignored. */
    take({ index, record }: LogEntry): void {
      if (index <= upTo) return;
      upTo = index;
      const type = foldedTypes.find((known) => known === record.type);
      if (type !== undefined && !readers[type](record, index)) onUnreadable(record);
    },
    /** Live views: read them before the next record is applied. */
    state: (): RegisterState => ({ entries, proposals, upTo }),
  };
}

/** Terms that an earlier release recorded and this one no longer accepts are ignored. */
function termsIn(document: unknown): WorkloadTerms | undefined {
  try {
    return readTerms(document);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}
