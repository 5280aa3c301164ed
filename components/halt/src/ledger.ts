import {
  type AuditLog,
  actionOf,
  type EvidenceRecord,
  type HaltingParty,
  type HaltTarget,
  haltKinds,
  haltSubject,
  type LogEntry,
  type RecordedAction,
  type RecordType,
} from '@countersign/contracts';
import { type Digest, parseDigest, parseId, parseInstant, type RecordId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';

/** Records that make up the state of halts. All are of class `custody` and never pruned. */
const foldedTypes = [
  'halt.tripped',
  'halt.release-proposed',
  'halt.released',
  'halt.release-rejected',
] as const satisfies readonly RecordType[];

/** A halt, from its first trip to its release. */
export interface HaltState extends HaltTarget {
  readonly party: HaltingParty;
  /** All trips since the target was last free, oldest first. */
  readonly trips: readonly RecordedAction[];
  readonly released?: RecordedAction;
}

export interface ReleaseState {
  readonly id: RecordId;
  /** Record of the trip that it would release. */
  readonly halt: RecordId;
  readonly proposal: RecordedAction;
  readonly digest: Digest;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly status: 'proposed' | 'approved' | 'rejected' | 'outdated';
  readonly decision?: RecordedAction;
}

export interface HaltsState {
  /** By the record of every trip; a repeated trip and the one before it have the same state. */
  readonly halts: ReadonlyMap<string, HaltState>;
  /** By {@link haltSubject}. */
  readonly inForce: ReadonlyMap<string, HaltState>;
  readonly releases: ReadonlyMap<string, ReleaseState>;
  /** Index of the newest record that was read. */
  readonly upTo: bigint;
}

const further = { additionalProperties: true };
const target = { kind: Type.Enum([...haltKinds]), id: Type.String(), party: Type.String() };
const trippedData = Compile(Type.Object({ ...target, reason: Type.String() }, further));
const proposedData = Compile(
  Type.Object(
    { ...target, halt: Type.String(), reason: Type.String(), expires_at: Type.String(), digest: Type.String() },
    further,
  ),
);
const decidedData = Compile(Type.Object({ proposal: Type.String(), digest: Type.String() }, further));
const rejectedData = Compile(Type.Object({ proposal: Type.String(), reason: Type.String() }, further));

/**
 * Derives the state from the log, record by record. If two records contradict each other the first counts: all nodes read the same
 * order.
 */
export function createFold(onUnreadable: (record: EvidenceRecord) => void) {
  const halts = new Map<string, HaltState>();
  const inForce = new Map<string, HaltState>();
  const releases = new Map<string, ReleaseState>();
  let upTo = -1n;

  const keep = (halt: HaltState): void => {
    for (const { record } of halt.trips) halts.set(record, halt);
  };

  function trip(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!trippedData.Check(data)) return false;
    const { kind, id, party } = data;
    const subject = haltSubject({ kind, id }, party);
    const before = inForce.get(subject)?.trips ?? [];
    // Somebody who trips it again wants it to stay.
    for (const release of releases.values())
      if (release.status === 'proposed' && before.some((earlier) => earlier.record === release.halt))
        releases.set(release.id, { ...release, status: 'outdated' });
    const halt = { kind, id, party, trips: [...before, actionOf(record, data.reason)] };
    inForce.set(subject, halt);
    keep(halt);
    return true;
  }

  function propose(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!proposedData.Check(data)) return false;
    const expiresAt = parseInstant(data.expires_at);
    const digest = parseDigest(data.digest);
    const halt = parseId('record', data.halt);
    if (expiresAt === undefined || digest === undefined || halt === undefined) return false;
    const { id } = record;
    releases.set(id, { id, halt, expiresAt, digest, proposal: actionOf(record, data.reason), status: 'proposed' });
    return true;
  }

  function release(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!decidedData.Check(data)) return false;
    const found = releases.get(data.proposal);
    if (found?.status !== 'proposed' || found.digest !== data.digest) return true;
    releases.set(found.id, { ...found, status: 'approved', decision: actionOf(record) });
    const halt = halts.get(found.halt);
    if (halt === undefined) return true;
    inForce.delete(haltSubject(halt, halt.party));
    keep({ ...halt, released: actionOf(record) });
    return true;
  }

  function reject(record: EvidenceRecord): boolean {
    const { data } = record;
    if (!rejectedData.Check(data)) return false;
    const found = releases.get(data.proposal);
    if (found?.status === 'proposed')
      releases.set(found.id, { ...found, status: 'rejected', decision: actionOf(record, data.reason) });
    return true;
  }

  const readers: Readonly<Record<(typeof foldedTypes)[number], (record: EvidenceRecord) => boolean>> = {
    'halt.tripped': trip,
    'halt.release-proposed': propose,
    'halt.released': release,
    'halt.release-rejected': reject,
  };

  return {
    /** Applies the next record; a record that was applied before is ignored. */
    take({ index, record }: LogEntry): void {
      if (index <= upTo) return;
      upTo = index;
      const type = foldedTypes.find((known) => known === record.type);
      if (type !== undefined && !readers[type](record)) onUnreadable(record);
    },
    /** Live views: read them before the next record is applied. */
    state: (): HaltsState => ({ halts, inForce, releases, upTo }),
  };
}

const pageSize = 1_000;

/** Halts and their releases, read from the log. */
export interface Ledger {
  /** The state, at least as new as the call. @throws CodedError `log_unavailable` */
  current(): Promise<HaltsState>;
}

export function createLedger({
  log,
  logger,
}: {
  readonly log: Pick<AuditLog, 'search'>;
  readonly logger: Logger;
}): Ledger {
  const fold = createFold(({ id, type }) => logger.error({ record: id, type }, 'a record about halts cannot be read'));
  return {
    async current() {
      for (;;) {
        const { upTo } = fold.state();
        const page = await log.search({ types: foldedTypes, after: upTo, limit: pageSize });
        for (const entry of page) fold.take(entry);
        if (page.length < pageSize) return fold.state();
      }
    },
  };
}
