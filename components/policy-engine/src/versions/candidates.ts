import { createCommands, createRecordedThings, createSecondPerson, thingOf } from '@countersign/commands';
import {
  type AuditAppender,
  type AuditLog,
  createStandingCheck,
  type DecisionHistory,
  type Independence,
  type PolicyBundle,
  type PolicyVersions,
  type ProposerStanding,
  policyErrors,
  type Requester,
  standingErrors,
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
  type SimulationId,
} from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { loadBundleAside } from '../bundle/load-aside.ts';
import { hashOfBundle, type LoadedBundle } from '../bundle/load-bundle.ts';
import { runPolicyTestsInTurns } from '../policy-tests/run-tests.ts';
import type { WayBack } from '../trading/way-back.ts';
import type { ActiveVersion } from './active-version.ts';
import { createCandidateCommands } from './candidate-commands.ts';
import {
  bundleOfCandidate,
  keepCandidate,
  listCandidates,
  openCandidatesOf,
  type StoredCandidate,
  sweepCandidates,
} from './candidate-store.ts';
import { type Attempt, type RefusalOf, type Refuse, readAbout, readReason } from './change-request.ts';
import {
  candidateApproval,
  candidateNotFound,
  createCandidateKind,
  digestOfCandidate,
  keptMs,
  shownCandidate,
  statusOf,
  waiting,
} from './recorded-candidate.ts';
import { publishedBy } from './recorded-version.ts';
import type { PolicySigner } from './signature.ts';
import { checkSimulation } from './simulated.ts';

const maxListed = 100;
const maxFailuresTold = 50;

/** Policy changes under dual control: one person proposes a tested and simulated bundle, another approves exactly that bundle. */
export function createCandidates(dependencies: {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'standings'>;
  readonly signer: PolicySigner;
  readonly simulation: DecisionHistory['simulation'];
  readonly active: ActiveVersion;
  readonly refusals: Refuse;
  readonly refusalOf: RefusalOf;
  readonly wayBack?: WayBack;
  readonly proposerStanding: ProposerStanding;
  readonly independence: Independence;
  readonly clock: Clock;
  readonly random: Random;
}): Pick<PolicyVersions, 'propose' | 'approve' | 'reject' | 'candidates' | 'candidate' | 'endProposalsOf'> {
  const { pool, audit, clock, active, refusals } = dependencies;
  const second = createSecondPerson(candidateApproval, dependencies);

  const kind = createCandidateKind(clock);
  const check = createStandingCheck({ ...dependencies, log: audit, source: 'policy-engine' });
  const recording = { pool, log: audit, check, source: 'policy-engine', clock } as const;
  const things = createRecordedThings(kind, recording);
  const commands = createCommands(recording);
  const steps = createCandidateCommands({ ...dependencies, kind, second, loadAsProposed });

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
      throw policyErrors.error('policy_unchanged', `The bundle equals the active version ${version.version}.`);
    const tests = await passedTests(loaded);
    const report = await checkSimulation(simulation, {
      hash: loaded.hash,
      baseVersion: version.version,
      simulation: dependencies.simulation,
      now: clock.now(),
    });
    return { loaded, baseVersion: version.version, tests, report };
  }

  /** Maps a row that contradicts its record. @throws CodedError `candidate_digest` */
  async function asRecorded<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw standingErrors.is(error, 'authority_unproven') ? notAsProposed() : error;
    }
  }

  /** @throws CodedError `candidate_not_found`, `candidate_digest` */
  async function existing(id: PolicyCandidateId): Promise<StoredCandidate> {
    const candidate = await asRecorded(() => things.find(id));
    if (candidate === undefined) throw candidateNotFound();
    return candidate;
  }

  /** Like {@link existing}, but undefined if there is no candidate that the log confirms. */
  async function confirmed(id: PolicyCandidateId): Promise<StoredCandidate | undefined> {
    try {
      return await things.find(id);
    } catch (error) {
      if (standingErrors.is(error, 'authority_unproven')) return undefined;
      throw error;
    }
  }

  /** The stored candidate, if it is open according to its newest record. Does not complete outdated rows. */
  async function openAsRecorded(id: PolicyCandidateId): Promise<StoredCandidate | undefined> {
    const candidate = await kind.find(pool, id);
    if (candidate === undefined || statusOf(candidate, clock.now()) !== 'proposed') return undefined;
    const thing = thingOf(kind, id);
    const newest = (await audit.standings([thing])).get(thing);
    return newest?.digest === digestOf(kind.content(candidate)) ? candidate : undefined;
  }

  /** Before the lock, because a large bundle takes seconds; its problems are reported under the lock. */
  async function loadAhead({ id }: StoredCandidate): Promise<LoadedBundle | undefined> {
    const bundle = await bundleOfCandidate(pool, id);
    if (bundle === undefined) return undefined;
    try {
      return await loadBundleAside(bundle);
    } catch (error) {
      if (isCodedError(error) && error.category !== 'unavailable') return undefined;
      throw error;
    }
  }

  /** Ends the candidate and refuses the approval if the proposer has lost the right. */
  async function requireProposer(candidate: StoredCandidate, attempt: Attempt): Promise<void> {
    const gone = await second.gone(waiting(candidate));
    if (gone === undefined) return;
    await commands.run(steps.withdraw, { id: candidate.id, by: attempt.by, reason: gone.detail });
    await refusals(gone, attempt);
  }

  return {
    async endProposalsOf(proposer, { before, by, reason }) {
      const open = await openCandidatesOf(pool, proposer, new Date(before));
      let ended = 0;
      for (const id of open)
        if ((await confirmed(id)) !== undefined && (await commands.run(steps.withdraw, { id, by, reason }))) ended += 1;
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
        simulationId: report.id,
        simulationDigest: report.digest,
      };
      const candidate = {
        ...{
          id: newId('policyCandidate', dependencies),
          digest: digestOfCandidate({ ...content, bundle }),
          ...content,
        },
        proposedAt: new Date(now),
        expiresAt: new Date(now + candidateApproval.waitsMs),
        testsPassed: tests.passed,
        decisions: report.decisions,
        flips: report.permitToDeny + report.denyToPermit,
        skipped: report.skipped,
      };
      const shown = { ...candidate, untested: tests.untested, status: 'proposed', decidedBy: null } as const;
      await transaction(pool, async (session) => {
        await sweepCandidates(session, new Date(now - keptMs));
        await keepCandidate(session, { ...shown, bundle });
      });
      await commands.run(steps.propose, {
        candidate: { ...candidate, untestedDigest: digestOf([...tests.untested]) },
        ...{ untested: tests.untested.length, report, by },
      });
      return shownCandidate(shown, now);
    },

    async approve(id, digest, by) {
      const attempt: Attempt = { operation: 'policy:approve', by, candidate: id };
      const open = await openAsRecorded(id);
      if (open !== undefined) await requireProposer(open, attempt);
      const ahead = open === undefined ? undefined : await loadAhead(open);
      const asked = { id, digest, by, ahead };
      const record = await commands.run(steps.approve, asked).catch((error: unknown) => {
        if (standingErrors.is(error, 'authority_unproven')) return refusals(notAsProposed(), attempt);
        throw error;
      });
      return publishedBy(record, dependencies);
    },

    async reject(id, by, reasonText) {
      const reason = readReason(reasonText);
      await asRecorded(() => commands.run(steps.reject, { id, by, reason }));
      return shownCandidate(await existing(id), clock.now());
    },

    async candidates({ status } = {}) {
      const now = clock.now();
      const found: StoredCandidate[] = [];
      for (const row of await listCandidates(pool, { status, now: new Date(now), limit: maxListed })) {
        // Decided candidates no longer change.
        const candidate = statusOf(row, now) === 'proposed' ? await confirmed(row.id) : row;
        if (candidate !== undefined && (status === undefined || statusOf(candidate, now) === status))
          found.push(candidate);
      }
      return found.map((candidate) => shownCandidate(candidate, now));
    },

    async candidate(id) {
      // The reader may approve it, so the shown bundle must match the digest and the record.
      const found = await existing(id);
      const bundle = await bundleOfCandidate(pool, id);
      if (bundle === undefined) throw candidateNotFound();
      requireDigest(found, bundle, hashOfBundle(bundle));
      return { candidate: shownCandidate(found, clock.now()), bundle };
    },
  };
}

async function passedTests(loaded: LoadedBundle) {
  const untestedModel = [...loaded.applications].find(([, { model }]) => model.tests.length === 0)?.[0];
  if (untestedModel !== undefined)
    throw policyErrors.error(
      'policy_tests_failed',
      `The model ${untestedModel} has no tests. Add some to applications/${untestedModel}/tests/*.json.`,
    );
  const report = await runPolicyTestsInTurns(loaded);
  if (report.passed + report.failed === 0)
    throw policyErrors.error('policy_tests_failed', 'The bundle has no tests. Add some to tests/*.json.');
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

/** @param ahead the bundle loaded before the lock @throws CodedError `candidate_digest` if the row no longer matches its digest */
async function loadAsProposed(
  candidate: StoredCandidate,
  bundle: PolicyBundle | undefined,
  ahead: LoadedBundle | undefined,
): Promise<LoadedBundle> {
  if (bundle === undefined) throw notAsProposed();
  const same = ahead !== undefined && digestOf(ahead.bundle) === digestOf(bundle);
  const loaded = same ? ahead : await loadBundleAside(bundle);
  requireDigest(candidate, bundle, loaded.hash);
  return loaded;
}

/** @throws CodedError `candidate_digest` if the bundle does not match the digest */
function requireDigest(candidate: StoredCandidate, bundle: PolicyBundle, hash: Digest): void {
  if (candidate.hash !== hash || digestOfCandidate({ ...candidate, hash, bundle }) !== candidate.digest)
    throw notAsProposed();
}

function notAsProposed(): CodedError {
  return policyErrors.error(
    'candidate_digest',
    'The stored candidate differs from what was proposed. Propose the bundle again.',
  );
}
