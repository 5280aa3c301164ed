import {
  actionOf,
  type EvidenceRecord,
  type LegalHold,
  type LogEntry,
  type RecordType,
  type RetentionSchedule,
} from '@countersign/contracts';
import { parseInstant, type RecordId } from '@countersign/kernel';
import { firstSchedule } from '../schedule.ts';
import { readScope } from '../scope.ts';
import { readSimulation } from '../simulation.ts';
import type { ChangeProposal, ErasureProposal, Proposal } from './proposal.ts';
import {
  changedData,
  decidedData,
  erasedData,
  erasureData,
  heldData,
  proposedData,
  prunedData,
  releasedData,
} from './record-data.ts';

/** All are of class `custody` and never pruned. */
export const foldedTypes = [
  'retention.proposed',
  'retention.changed',
  'retention.pruning-approved',
  'retention.rejected',
  'hold.placed',
  'hold.released',
  'erasure.proposed',
  'erasure.approved',
  'erasure.rejected',
  'erasure.completed',
  'log.pruned',
] as const satisfies readonly RecordType[];

/** After these, a removal must be examined again. */
const governing: ReadonlySet<RecordType> = new Set(['retention.changed', 'hold.placed', 'hold.released']);

export interface RecordedHold extends LegalHold {
  readonly record: RecordId;
  readonly people: readonly string[];
}

export interface RetentionState {
  readonly schedule: RetentionSchedule;
  /** Newest first. */
  readonly schedules: readonly (RetentionSchedule & { readonly since: string; readonly record: RecordId })[];
  readonly holds: ReadonlyMap<string, RecordedHold>;
  readonly proposals: ReadonlyMap<string, Proposal>;
  /** Place of the newest record that was read. */
  readonly upTo: bigint;
  /** Place of the newest schedule, hold or release. */
  readonly governedUpTo: bigint;
}

/**
 * Of two contradicting records the first counts, because all nodes read the same order. @param onUnreadable called for
 * each unreadable record; an unreadable hold keeps everything
 */
export function createFold(onUnreadable: (record: EvidenceRecord) => void) {
  let schedule: RetentionSchedule = firstSchedule;
  const schedules: (RetentionSchedule & { readonly since: string; readonly record: RecordId })[] = [];
  const holds = new Map<string, RecordedHold>();
  const proposals = new Map<string, Proposal>();
  let upTo = -1n;
  let governedUpTo = -1n;

  function propose(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!proposedData.Check(data)) return false;
    const expiresAt = parseInstant(data.expires_at);
    const simulation = readSimulation(data.simulation);
    if (expiresAt === undefined || simulation === undefined) return false;
    const { change, digest, reason } = data;
    const proposal: ChangeProposal = {
      id: record.id,
      proposal: actionOf(record, reason),
      kind: change.kind,
      ...{ change, simulation, digest, expiresAt },
      status: 'proposed',
      pruned: { count: 0, held: 0, needed: 0 },
    };
    proposals.set(record.id, proposal);
    return true;
  }

  function proposeErasure(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!erasureData.Check(data)) return false;
    const expiresAt = parseInstant(data.expires_at);
    if (expiresAt === undefined) return false;
    const { subject, keys, digest, reason } = data;
    const proposal: ErasureProposal = {
      id: record.id,
      kind: 'erasure',
      proposal: actionOf(record, reason),
      ...{ subject, keys, digest, expiresAt },
      status: 'proposed',
    };
    proposals.set(record.id, proposal);
    return true;
  }

  function open(id: string, ...in_: readonly Proposal['status'][]): Proposal | undefined {
    const proposal = proposals.get(id);
    return proposal !== undefined && in_.includes(proposal.status) ? proposal : undefined;
  }

  function change(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!changedData.Check(data)) return false;
    const proposal = open(data.proposal, 'proposed');
    if (proposal?.kind !== 'schedule') return true;
    const { version, presets, years } = data;
    schedule = { version, presets, years };
    schedules.unshift({ ...schedule, since: record.time, record: record.id });
    proposals.set(proposal.id, { ...proposal, status: 'completed', decision: actionOf(record) });
    return true;
  }

  function approve(record: EvidenceRecord, kind: Proposal['kind']): boolean {
    const { data } = record;
    if (!decidedData.Check(data)) return false;
    const proposal = open(data.proposal, 'proposed');
    if (proposal?.kind === kind)
      proposals.set(proposal.id, { ...proposal, status: 'approved', decision: actionOf(record) });
    return true;
  }

  function reject(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!decidedData.Check(data)) return false;
    // An approved proposal that could not be carried out is rejected with `deny`.
    const proposal = open(data.proposal, 'proposed', ...(record.outcome === 'deny' ? (['approved'] as const) : []));
    if (proposal !== undefined)
      proposals.set(proposal.id, { ...proposal, status: 'rejected', decision: actionOf(record, data.reason) });
    return true;
  }

  function place(record: EvidenceRecord): boolean {
    const { data } = record;
    const readable = heldData.Check(data) ? { matter: data.matter, scope: scopeIn(data.scope) } : undefined;
    const { by, people, at } = actionOf(record);
    holds.set(record.id, {
      id: record.id,
      record: record.id,
      matter: readable?.matter ?? '',
      scope: readable?.scope ?? {},
      placedBy: by,
      placedAt: at,
      people,
    });
    return readable?.scope !== undefined;
  }

  function release(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!releasedData.Check(data)) return false;
    const hold = holds.get(data.hold);
    if (hold !== undefined && hold.releasedAt === undefined) {
      const { by, at } = actionOf(record);
      holds.set(hold.id, { ...hold, releasedBy: by, releasedAt: at });
    }
    return true;
  }

  function carriedOut({ references = [] }: EvidenceRecord): Proposal | undefined {
    return [...proposals.values()].find(
      ({ status, decision }) => status === 'approved' && decision !== undefined && references.includes(decision.record),
    );
  }

  function prune(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!prunedData.Check(data)) return false;
    const proposal = carriedOut(record);
    if (proposal?.kind === 'pruning')
      proposals.set(proposal.id, {
        ...proposal,
        pruned: { count: proposal.pruned.count + data.count, held: data.held, needed: data.needed },
        ...(data.complete ? { status: 'completed' } : {}),
      });
    return true;
  }

  function erase(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!erasedData.Check(data)) return false;
    const proposal = carriedOut(record);
    if (proposal?.kind === 'erasure')
      proposals.set(proposal.id, { ...proposal, status: 'completed', erased: data.values });
    return true;
  }

  const readers: Readonly<Record<(typeof foldedTypes)[number], (record: EvidenceRecord) => boolean>> = {
    'retention.proposed': propose,
    'retention.changed': change,
    'retention.pruning-approved': (record) => approve(record, 'pruning'),
    'retention.rejected': reject,
    'hold.placed': place,
    'hold.released': release,
    'erasure.proposed': proposeErasure,
    'erasure.approved': (record) => approve(record, 'erasure'),
    'erasure.rejected': reject,
    'erasure.completed': erase,
    'log.pruned': prune,
  };

  return {
    take({ index, record }: LogEntry): void {
      if (index <= upTo) return;
      upTo = index;
      const type = foldedTypes.find((known) => known === record.type);
      if (type === undefined) return;
      if (governing.has(type)) governedUpTo = index;
      if (!readers[type](record)) onUnreadable(record);
    },
    state: (): RetentionState => ({
      schedule,
      schedules: [...schedules],
      holds: new Map(holds),
      proposals: new Map(proposals),
      upTo,
      governedUpTo,
    }),
  };
}

function scopeIn(written: Parameters<typeof readScope>[0]): LegalHold['scope'] | undefined {
  try {
    return readScope(written);
  } catch {
    return undefined;
  }
}
