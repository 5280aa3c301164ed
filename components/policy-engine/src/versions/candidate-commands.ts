import type { Command, RecordContent, SecondPerson } from '@countersign/commands';
import {
  type AuditLog,
  type PolicyBundle,
  peopleOf,
  policyErrors,
  type Requester,
  recordedRequester,
} from '@countersign/contracts';
import {
  type CodedError,
  type Digest,
  isCodedError,
  type PolicyCandidateId,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { WayBack } from '../trading/way-back.ts';
import type { ActiveVersion } from './active-version.ts';
import { bundleOfCandidate, type CandidateState, type StoredCandidate } from './candidate-store.ts';
import type { Attempt, RefusalOf } from './change-request.ts';
import { preparePublication, requireNewest } from './publish.ts';
import { type CandidateKind, candidateNotFound, statusOf, waiting } from './recorded-candidate.ts';
import type { PolicySigner } from './signature.ts';
import type { checkSimulation } from './simulated.ts';
import { lockVersions, newestVersion } from './store.ts';

export interface Proposing {
  readonly candidate: Omit<CandidateState, 'status' | 'decidedBy' | 'recordId'>;
  readonly untested: number;
  readonly report: Awaited<ReturnType<typeof checkSimulation>>;
  readonly by: Requester;
}
export interface Approving {
  readonly id: PolicyCandidateId;
  readonly digest: Digest;
  readonly by: Requester;
  /** The bundle, loaded before the lock because loading takes seconds. */
  readonly ahead: LoadedBundle | undefined;
}
export interface Rejecting {
  readonly id: PolicyCandidateId;
  readonly reason: string;
  readonly by: Requester;
}

interface Existing {
  readonly candidate: StoredCandidate;
}
interface Publishing extends Existing {
  readonly version: number;
  readonly loaded: LoadedBundle | CodedError;
}

type CandidateCommand<Ask, Facts, Answer> = Command<
  Ask,
  PolicyCandidateId,
  CandidateState,
  StoredCandidate,
  Facts,
  Answer
>;

export function createCandidateCommands({
  kind,
  audit,
  signer,
  active,
  second,
  wayBack,
  refusalOf,
  loadAsProposed,
}: {
  readonly kind: CandidateKind;
  readonly audit: Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  readonly active: Pick<ActiveVersion, 'refresh'>;
  readonly second: SecondPerson;
  readonly wayBack?: WayBack | undefined;
  readonly refusalOf: RefusalOf;
  /** @throws CodedError `candidate_digest`, or if it cannot be loaded */
  readonly loadAsProposed: (
    candidate: StoredCandidate,
    bundle: PolicyBundle | undefined,
    ahead: LoadedBundle | undefined,
  ) => Promise<LoadedBundle>;
}) {
  const nothing = async (): Promise<void> => undefined;
  const common = { kind, before: nothing, after: nothing, ends: () => true, refused: () => undefined };
  const existing = (row: StoredCandidate | undefined): Existing => {
    if (row === undefined) throw candidateNotFound();
    return { candidate: row };
  };
  const refused =
    (operation: Attempt['operation']) =>
    (error: CodedError, { ask: { id, by } }: { readonly ask: Pick<Rejecting, 'id' | 'by'> }) =>
      error.category === 'unavailable' || error.category === 'not-found'
        ? undefined
        : refusalOf(error, { operation, by, candidate: id });

  const propose: CandidateCommand<Proposing, undefined, PolicyCandidateId> = {
    ...common,
    about: ({ candidate }) => candidate.id,
    facts: async () => undefined,
    // Each candidate has a new id, so it is never done before.
    done: () => undefined,
    // The bundle was examined before, because that takes seconds and needs no lock.
    check: nothing,
    next: ({ ask }, record) => ({ ...ask.candidate, status: 'proposed', decidedBy: null, recordId: record }),
    record: ({ ask: { untested, report, by } }, next) => ({
      type: 'policy.proposed',
      outcome: 'done',
      ...recordedRequester(by),
      data: {
        candidate: next.id,
        hash: next.hash,
        digest: next.digest,
        change_request: next.changeRequest,
        reason: next.reason,
        base_version: next.baseVersion,
        expires_at: toInstant(next.expiresAt.getTime()),
        tests: { passed: next.testsPassed, untested },
        simulation: {
          id: report.id,
          digest: report.digest,
          decisions: report.decisions,
          skipped: report.skipped,
          permit_to_deny: report.permitToDeny,
          deny_to_permit: report.denyToPermit,
        },
      },
    }),
    ends: () => false,
    release: ({ id }) => id,
  };

  const publicationOf = (
    { ask: { by }, facts: { candidate, version, loaded } }: { readonly ask: Approving; readonly facts: Publishing },
    recordId: RecordId,
  ) => {
    if (isCodedError(loaded)) throw loaded;
    const { id, changeRequest, reason, proposedBy } = candidate;
    return preparePublication(
      {
        ...{ loaded, by, changeRequest, reason, proposedBy, approvedBy: by.id },
        candidate: { id, recordId: candidate.recordId },
      },
      { version, recordId, signer },
    );
  };

  /** Approves a candidate and publishes it. @returns the record of the publication */
  const approve: CandidateCommand<Approving, Publishing, RecordId> = {
    ...common,
    about: ({ id }) => id,
    async facts(session, { ask, row }) {
      const { candidate } = existing(row);
      const late = second.settled(waiting(candidate));
      if (late !== undefined) return { candidate, version: 0, loaded: late };
      await lockVersions(session);
      const newest = await newestVersion(session);
      await requireNewest(newest, audit);
      const loaded = await bundleOfCandidate(session, ask.id)
        .then((bundle) => loadAsProposed(candidate, bundle, ask.ahead))
        .catch((error: unknown) => {
          if (isCodedError(error)) return error;
          throw error;
        });
      return { candidate, version: (newest?.version ?? 0) + 1, loaded };
    },
    // The same approver repeating an interrupted request gets the answer; anyone else gets a conflict.
    done: ({ ask, facts: { candidate }, completed }) =>
      completed &&
      candidate.status === 'approved' &&
      candidate.decidedBy === ask.by.id &&
      candidate.digest === ask.digest
        ? candidate.changeRecord
        : undefined,
    async check({ ask, facts: { candidate, version, loaded } }) {
      const refusal =
        (await second.refusalOf(waiting(candidate), { people: peopleOf(ask.by), digest: ask.digest })) ??
        outdated(candidate.baseVersion, version - 1) ??
        (isCodedError(loaded) ? loaded : wayBack?.(loaded, ask.by));
      if (refusal !== undefined) throw refusal;
    },
    next: ({ ask, facts: { candidate } }) => ({ ...candidate, status: 'approved', decidedBy: ask.by.id }),
    record: (given, _next, record) => publicationOf(given, record).saying,
    // If a process dies before this write, any node stores the published version.
    async alongside(session, given, { record, time }) {
      await publicationOf(given, record).write(session, time);
    },
    refused: refused('policy:approve'),
    after: () => active.refresh(),
    release: (_next, { record }) => record,
  };

  const turnedDown = ({ ask: { by, reason } }: { readonly ask: Rejecting }, next: CandidateState): RecordContent => ({
    type: 'policy.rejected',
    outcome: 'done',
    ...recordedRequester(by),
    references: [next.recordId],
    data: {
      candidate: next.id,
      digest: next.digest,
      change_request: next.changeRequest,
      proposed_by: next.proposedBy,
      reason,
    },
  });

  const reject: CandidateCommand<Rejecting, Existing, PolicyCandidateId> = {
    ...common,
    about: ({ id }) => id,
    facts: async (_session, { row }) => existing(row),
    done: ({ ask, facts: { candidate }, completed }) =>
      completed && candidate.status === 'rejected' && candidate.decidedBy === ask.by.id ? candidate.id : undefined,
    async check({ facts: { candidate } }) {
      const late = second.settled(waiting(candidate));
      if (late !== undefined) throw late;
    },
    next: ({ ask, facts: { candidate } }) => ({ ...candidate, status: 'rejected', decidedBy: ask.by.id }),
    record: turnedDown,
    refused: refused('policy:reject'),
    release: ({ id }) => id,
  };

  /** Ends a candidate whose proposer has lost the right. @returns whether this call ended it */
  const withdraw: CandidateCommand<Rejecting, undefined, boolean> = {
    ...common,
    about: ({ id }) => id,
    facts: async () => undefined,
    done: ({ row, now }) => (row !== undefined && statusOf(row, now) === 'proposed' ? undefined : false),
    check: nothing,
    next: ({ ask, row }) => ({ ...existing(row).candidate, status: 'rejected', decidedBy: ask.by.id }),
    record: turnedDown,
    release: () => true,
  };

  return { propose, approve, reject, withdraw };
}

function outdated(baseVersion: number, newest: number): CodedError | undefined {
  if (baseVersion === newest) return undefined;
  return policyErrors.error(
    'candidate_outdated',
    `The candidate was proposed and simulated against version ${baseVersion}, but version ${newest} is active. Simulate and propose it again.`,
  );
}
