import { createSecondPerson } from '@countersign/commands';
import {
  type Actor,
  type AuditAppender,
  type AuditLog,
  appendOnce,
  type DecisionHistory,
  type Independence,
  type PolicyBundle,
  type PolicyVersions,
  type ProposerStanding,
  peopleOf,
  policyErrors,
  type RecordDraft,
  type Requester,
  recordedRequester,
  recordIdAfter,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  type Digest,
  digestOf,
  isCodedError,
  newId,
  type PolicyCandidateId,
  type Random,
  type RecordId,
  type SimulationId,
  toInstant,
} from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { hashOfBundle, type LoadedBundle } from '../bundle/load-bundle.ts';
import { runPolicyTestsInTurns } from '../bundle/run-tests.ts';
import type { WayBack } from '../trading/way-back.ts';
import { readAbout, readReason } from './about.ts';
import type { ActiveVersion } from './active-version.ts';
import {
  candidateNotFound,
  digestOfCandidate,
  shownCandidate,
  statusOf,
  twoPeople,
  waiting,
} from './candidate-rows.ts';
import {
  type CandidateWithBundle,
  decideCandidate,
  findCandidate,
  insertCandidate,
  listCandidates,
  lockCandidate,
  openCandidatesOf,
  sweepCandidates,
} from './candidate-store.ts';
import { wasProposed } from './proposed.ts';
import { publicationRecord, publishVersion } from './publish.ts';
import { candidateEnded, candidateThing } from './recorded-version.ts';
import type { Attempt, Refuse } from './refusals.ts';
import type { PolicySigner } from './signature.ts';
import { checkSimulation } from './simulated.ts';
import { lockVersions, newestVersion } from './store.ts';
import { shownVersion } from './version-rows.ts';

const lifeMs = 24 * 3_600_000;
/** How long a candidate can still be looked at when it is over. */
const keptMs = 90 * 24 * 3_600_000;
const maxListed = 100;
const maxFailuresTold = 50;

/** A change of the policies by two people: one proposes what was tested and simulated, another approves exactly that. */
export function createCandidates(dependencies: {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  readonly simulation: DecisionHistory['simulation'];
  readonly active: ActiveVersion;
  readonly refusals: Refuse;
  readonly wayBack?: WayBack;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  readonly clock: Clock;
  readonly random: Random;
}): Pick<PolicyVersions, 'propose' | 'approve' | 'reject' | 'candidates' | 'candidate' | 'endProposalsOf'> {
  const { pool, audit, clock, active, refusals } = dependencies;
  const second = createSecondPerson(twoPeople, dependencies);

  type Said = Pick<RecordDraft, 'type' | 'subject' | 'actors' | 'references' | 'standing' | 'data'>;

  async function record(draft: Said, id = newId('record', dependencies)): Promise<RecordId> {
    await appendOnce(audit, { id, source: 'policy-engine', outcome: 'done', ...draft });
    return id;
  }

  const recordOfEnd = ({ id, recordId }: Pick<CandidateWithBundle, 'id' | 'recordId'>): RecordId =>
    recordIdAfter(`candidate:${id}`, recordId);

  /** A candidate is turned down once: whoever repeats it after a process has died finds what that recorded. */
  function recordEnd(candidate: Pick<CandidateWithBundle, 'id' | 'recordId'>, draft: Said): Promise<RecordId> {
    return record(draft, recordOfEnd(candidate));
  }

  /** Whoever is refused a step finds that written down. */
  async function orRefuse<Result>(attempt: Attempt, work: () => Promise<Result> | Result): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (isCodedError(error) && error.category !== 'unavailable') return refusals(error, attempt);
      throw error;
    }
  }

  async function examine(bundle: PolicyBundle, simulation: SimulationId, by: Requester) {
    const loaded = await loadBundleAside(bundle);
    const lockedOut = dependencies.wayBack?.(loaded, by);
    if (lockedOut !== undefined) throw lockedOut;
    await active.refresh();
    const { version, loaded: present } = active.current();
    if (present.hash === loaded.hash)
      throw policyErrors.error('policy_unchanged', `This is what version ${version.version} says already.`);
    const tests = await passedTests(loaded);
    const report = await checkSimulation(simulation, {
      hash: loaded.hash,
      baseVersion: version.version,
      simulation: dependencies.simulation,
      now: clock.now(),
    });
    return { loaded, baseVersion: version.version, tests, report };
  }

  /** The record of its decision, if there is one. */
  async function endOf(id: PolicyCandidateId): Promise<RecordId | undefined> {
    const thing = candidateThing(id);
    return (await audit.standings([thing])).get(thing)?.record;
  }

  /** The candidate, locked, if it can still be decided; whoever decides too late or twice is refused. */
  async function lockOpen(
    session: pg.PoolClient,
    id: PolicyCandidateId,
    attempt: Attempt,
    /** Records of the same decision: whoever repeats it after a process has died goes on with it. */
    ownRecords: (candidate: CandidateWithBundle) => readonly RecordId[],
  ): Promise<CandidateWithBundle> {
    const candidate = await lockCandidate(session, id);
    if (candidate === undefined) throw candidateNotFound();
    const kept = statusOf(candidate, clock.now());
    // Decided by its record, whatever its row says.
    const record = kept === 'proposed' ? await endOf(id) : undefined;
    const status = record === undefined || ownRecords(candidate).includes(record) ? kept : 'decided';
    if (status === 'proposed') return candidate;
    return refusals(
      policyErrors.error('candidate_decided', `The candidate is ${status} already.`, { facts: { status } }),
      attempt,
    );
  }

  /**
   * A large bundle takes seconds, which nobody should wait for under the lock. What is wrong with it is told there.
   *
   * @throws CodedError when this node cannot load it now, which says nothing about the bundle
   */
  async function loadAhead(id: PolicyCandidateId): Promise<LoadedBundle | undefined> {
    const found = await findCandidate(pool, id);
    if (found === undefined || statusOf(found, clock.now()) !== 'proposed') return undefined;
    try {
      return await loadBundleAside(found.bundle);
    } catch (error) {
      if (isCodedError(error) && error.category !== 'unavailable') return undefined;
      throw error;
    }
  }

  async function decide(
    session: pg.PoolClient,
    id: PolicyCandidateId,
    status: 'approved' | 'rejected',
    by: Actor,
  ): Promise<void> {
    if (!(await decideCandidate(session, id, status, by.id)))
      throw new Error('a candidate was decided while its row was locked');
  }

  /** Turned down by us, since its proposer no longer stands behind it. @returns whether it was open until now */
  async function endOpen(id: PolicyCandidateId, by: Requester, reason: string): Promise<boolean> {
    return transaction(pool, async (session) => {
      const candidate = await lockCandidate(session, id);
      if (candidate === undefined || statusOf(candidate, clock.now()) !== 'proposed') return false;
      // One that was put back has its end on record.
      const isEnded = (await endOf(id)) !== undefined;
      const ending: Said = {
        type: 'policy.rejected',
        ...recordedRequester(by),
        references: [candidate.recordId],
        standing: [candidateEnded(id)],
        data: {
          candidate: id,
          digest: candidate.digest,
          change_request: candidate.changeRequest,
          proposed_by: candidate.proposedBy,
          reason,
        },
      };
      if (!isEnded) await recordEnd(candidate, ending);
      await decide(session, id, 'rejected', by);
      return true;
    });
  }

  /** Whoever approves finds it ended where its proposer is gone. */
  async function requireProposer(id: PolicyCandidateId, attempt: Attempt): Promise<void> {
    const found = await findCandidate(pool, id);
    if (found === undefined || statusOf(found, clock.now()) !== 'proposed') return;
    // Who is asked about is who the log says proposed it, through whom it says.
    await orRefuse(attempt, () => requireProposed(found, audit));
    const gone = await second.gone(waiting(found));
    if (gone === undefined) return;
    await endOpen(id, attempt.by, gone.detail);
    await refusals(gone, attempt);
  }

  return {
    async endProposalsOf(proposer, { before, by, reason }) {
      const open = await openCandidatesOf(pool, proposer, new Date(before));
      let ended = 0;
      for (const id of open) if (await endOpen(id, by, reason)) ended += 1;
      return ended;
    },

    async propose(bundle, about, by) {
      const { changeRequest, reason } = readAbout(about);
      const attempt: Attempt = { operation: 'policy:propose', by, changeRequest };
      const { loaded, baseVersion, tests, report } = await orRefuse(attempt, () =>
        examine(bundle, about.simulation, by),
      );
      const now = clock.now();
      const content = {
        hash: loaded.hash,
        changeRequest,
        reason,
        baseVersion,
        proposedBy: by.id,
        through: by.through ?? [],
        bundle,
        simulationId: report.id,
        simulationDigest: report.digest,
      };
      const id = newId('policyCandidate', dependencies);
      const digest = digestOfCandidate(content);
      const recordId = await record({
        type: 'policy.proposed',
        ...recordedRequester(by),
        data: {
          candidate: id,
          hash: loaded.hash,
          digest,
          change_request: changeRequest,
          reason,
          base_version: baseVersion,
          expires_at: toInstant(now + lifeMs),
          tests: { passed: tests.passed, untested: tests.untested.length },
          simulation: {
            id: report.id,
            digest: report.digest,
            decisions: report.decisions,
            skipped: report.skipped,
            permit_to_deny: report.permitToDeny,
            deny_to_permit: report.denyToPermit,
          },
        },
      });
      const candidate = {
        ...content,
        id,
        digest,
        proposedAt: new Date(now),
        expiresAt: new Date(now + lifeMs),
        testsPassed: tests.passed,
        untested: tests.untested,
        decisions: report.decisions,
        flips: report.permitToDeny + report.denyToPermit,
        skipped: report.skipped,
        recordId,
      };
      await transaction(pool, async (session) => {
        await sweepCandidates(session, new Date(now - keptMs));
        await insertCandidate(session, candidate);
      });
      return shownCandidate({ ...candidate, status: 'proposed', decidedBy: null }, now);
    },

    async approve(id, digest, by) {
      const attempt: Attempt = { operation: 'policy:approve', by, candidate: id };
      await requireProposer(id, attempt);
      const ahead = await loadAhead(id);
      const published = await transaction(pool, async (session) => {
        await lockVersions(session);
        const newest = await newestVersion(session);
        const version = newest?.version ?? 0;
        const recordOf = (each: number, { hash }: Pick<CandidateWithBundle, 'hash'>) =>
          publicationRecord({ version: each, hash, by, candidate: id });
        const candidate = await lockOpen(session, id, attempt, (locked) => [
          recordOf(version, locked),
          recordOf(version + 1, locked),
        ]);
        if (newest?.governed?.candidate === id && newest.recordId === recordOf(version, candidate)) {
          // Recorded by a process that has died, and completed by a node since.
          await decide(session, id, 'approved', by);
          return shownVersion(newest);
        }
        const refusal =
          (await second.refusalOf(waiting(candidate), { people: peopleOf(by), digest })) ??
          outdated(candidate.baseVersion, version);
        if (refusal !== undefined) return refusals(refusal, attempt);
        const loaded = await orRefuse(attempt, async () => {
          await requireProposed(candidate, audit);
          return loadAsProposed(candidate, ahead);
        });
        const lockedOut = dependencies.wayBack?.(loaded, by);
        if (lockedOut !== undefined) return refusals(lockedOut, attempt);
        const activated = await publishVersion(
          session,
          {
            loaded,
            by,
            changeRequest: candidate.changeRequest,
            reason: candidate.reason,
            proposedBy: candidate.proposedBy,
            approvedBy: by.id,
            candidate: { id, recordId: candidate.recordId },
          },
          dependencies,
        );
        await decide(session, id, 'approved', by);
        return activated;
      });
      await active.refresh();
      return published;
    },

    async reject(id, by, reasonText) {
      const reason = readReason(reasonText);
      return transaction(pool, async (session) => {
        const candidate = await lockOpen(session, id, { operation: 'policy:reject', by, candidate: id }, (locked) => [
          recordOfEnd(locked),
        ]);
        await recordEnd(candidate, {
          type: 'policy.rejected',
          ...recordedRequester(by),
          references: [candidate.recordId],
          standing: [candidateEnded(id)],
          data: {
            candidate: id,
            digest: candidate.digest,
            change_request: candidate.changeRequest,
            proposed_by: candidate.proposedBy,
            reason,
          },
        });
        await decide(session, id, 'rejected', by);
        return shownCandidate({ ...candidate, status: 'rejected', decidedBy: by.id }, clock.now());
      });
    },

    async candidates({ status } = {}) {
      const now = clock.now();
      const found = await listCandidates(pool, { status, now: new Date(now), limit: maxListed });
      return found.map((candidate) => shownCandidate(candidate, now));
    },

    async candidate(id) {
      const found = await findCandidate(pool, id);
      if (found === undefined) throw candidateNotFound();
      // Who reads this approves it: what is shown must be what the digest is over, and what was recorded.
      requireDigest(found, hashOfBundle(found.bundle));
      await requireProposed(found, audit);
      return { candidate: shownCandidate(found, clock.now()), bundle: found.bundle };
    },
  };
}

async function passedTests(loaded: LoadedBundle) {
  const untestedModel = [...loaded.applications].find(([, { model }]) => model.tests.length === 0)?.[0];
  if (untestedModel !== undefined)
    throw policyErrors.error(
      'policy_tests_failed',
      `The model ${untestedModel} has no tests: put some into applications/${untestedModel}/tests/*.json.`,
    );
  const report = await runPolicyTestsInTurns(loaded);
  if (report.passed + report.failed === 0)
    throw policyErrors.error('policy_tests_failed', 'The bundle has no tests: put some into tests/*.json.');
  if (report.failed > 0)
    throw policyErrors.error('policy_tests_failed', `${report.failed} of the bundle's own tests fail.`, {
      facts: {
        failing: report.tests
          .filter(({ ok }) => !ok)
          .slice(0, maxFailuresTold)
          .map(({ file, name, differences }) => ({ file, name, differences })),
      },
    });
  return report;
}

function outdated(baseVersion: number, newest: number): CodedError | undefined {
  if (baseVersion === newest) return undefined;
  return policyErrors.error(
    'candidate_outdated',
    `It was proposed and simulated against version ${baseVersion}, and version ${newest} is active: simulate and propose it again.`,
  );
}

/**
 * The bundle of the row, if the row still says what its digest covers.
 *
 * @param ahead what the row held before it was locked, loaded already
 */
async function loadAsProposed(candidate: CandidateWithBundle, ahead: LoadedBundle | undefined): Promise<LoadedBundle> {
  const same = ahead !== undefined && digestOf(ahead.bundle) === digestOf(candidate.bundle);
  const loaded = same ? ahead : await loadBundleAside(candidate.bundle);
  requireDigest(candidate, loaded.hash);
  return loaded;
}

/** @throws CodedError `candidate_digest` where the row no longer says what its digest covers */
function requireDigest(candidate: CandidateWithBundle, hash: Digest): void {
  if (candidate.hash !== hash || digestOfCandidate({ ...candidate, hash }) !== candidate.digest)
    throw policyErrors.error(
      'candidate_digest',
      'What is stored of this candidate is not what was proposed: propose the bundle again.',
    );
}

/** @throws CodedError `candidate_digest` */
async function requireProposed(candidate: CandidateWithBundle, audit: Pick<AuditLog, 'find'>): Promise<void> {
  if (await wasProposed(candidate, audit)) return;
  throw policyErrors.error('candidate_digest', 'The log knows of no such proposal: propose the bundle again.');
}
