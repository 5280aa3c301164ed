import {
  actionOf,
  type EvidenceRecord,
  type LogEntry,
  type RecordedAction,
  type RecordType,
  type SecretKind,
} from '@countersign/contracts';
import { type Digest, parseDigest, parseInstant, type RecordId } from '@countersign/kernel';
import type { Definition, Proposable } from '../definitions.ts';
import { proposableIn } from './content.ts';
import { approvedData, proposedData, rejectedData } from './record-data.ts';

/** Records that make up the definitions. All are of class `custody` and never pruned. */
export const foldedTypes = [
  'secrets.proposed',
  'secrets.approved',
  'secrets.rejected',
] as const satisfies readonly RecordType[];

export interface Proposal {
  readonly id: RecordId;
  readonly what: Proposable;
  readonly proposal: RecordedAction;
  readonly expiresAt: number;
  readonly digest: Digest;
  readonly status: 'proposed' | 'approved' | 'rejected';
  readonly decision?: RecordedAction;
}

/** Definitions and proposals, derived from the log. */
export interface SecretsState {
  /** In force, by kind and name. */
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly proposals: ReadonlyMap<string, Proposal>;
  /** Values of definitions that were replaced or removed. */
  readonly destroyed: ReadonlySet<string>;
  /** Index of the newest record that was read. */
  readonly upTo: bigint;
}

export const definitionKey = (kind: SecretKind, name: string): string => `${kind}:${name}`;

/** Derives the state from the log, record by record. If two records contradict each other the first counts. */
export function createFold(onUnreadable: (record: EvidenceRecord) => void) {
  const definitions = new Map<string, Definition>();
  const versions = new Map<string, number>();
  const proposals = new Map<string, Proposal>();
  const destroyed = new Set<string>();
  let upTo = -1n;

  function propose(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!proposedData.Check(data)) return false;
    const expiresAt = parseInstant(data.expires_at);
    const digest = parseDigest(data.digest);
    const what = proposableIn(data);
    if (expiresAt === undefined || digest === undefined || what === undefined) return false;
    const proposal = actionOf(record, data.reason);
    proposals.set(record.id, { id: record.id, what, proposal, expiresAt, digest, status: 'proposed' });
    return true;
  }

  function approve(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!approvedData.Check(data)) return false;
    const proposal = proposals.get(data.proposal);
    if (proposal?.status !== 'proposed' || proposal.digest !== data.digest) return true;
    proposals.set(proposal.id, { ...proposal, status: 'approved', decision: actionOf(record) });
    const { what, digest } = proposal;
    const key = definitionKey(what.kind, what.name);
    const version = (versions.get(key) ?? 0) + 1;
    versions.set(key, version);
    const replaced = definitions.get(key);
    const material = 'material' in what ? what.material : undefined;
    if (what.change === 'remove') for (const value of replaced?.values ?? []) destroyed.add(value.material);
    // A replaced venue key has no further use. Earlier values of a secret stay readable until it is removed.
    else if (what.kind === 'venue-key' && replaced?.material !== undefined && replaced.material !== material)
      destroyed.add(replaced.material);
    if (what.change === 'remove') definitions.delete(key);
    else {
      const earlier = what.kind === 'secret' ? (replaced?.values ?? []) : [];
      const values = material === undefined ? [] : [...earlier, { version, material }];
      definitions.set(key, { ...what, version, record: record.id, digest, values });
    }
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
    'secrets.proposed': propose,
    'secrets.approved': approve,
    'secrets.rejected': reject,
  };

  return {
    /** Applies the next record; a record that was applied before is ignored. */
    take({ index, record }: LogEntry): void {
      if (index <= upTo) return;
      upTo = index;
      const type = foldedTypes.find((known) => known === record.type);
      if (type !== undefined && (record.source !== 'secrets' || !readers[type](record))) onUnreadable(record);
    },
    /** Live views: read them before the next record is applied. */
    state: (): SecretsState => ({ definitions, proposals, destroyed, upTo }),
  };
}
