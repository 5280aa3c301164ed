import {
  type Actor,
  type AuditAppender,
  type AuditLog,
  type LimitChange,
  type PolicyBundle,
  type PolicyVersions,
  policyErrors,
  type RecordScanner,
  type RecordStreamer,
  type RecordStreamQuery,
  type SimulationRange,
  type SimulationReport,
} from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  defined,
  digestOf,
  type Json,
  newId,
  parseInstant,
  type Random,
  type SimulationId,
  toInstant,
} from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { hashOfBundle } from '../bundle/parts.ts';
import { memberOf } from './json-members.ts';
import { limitChangesBetween } from './limit-trial.ts';
import type { EntityFacts } from './recall.ts';
import { decisionRecordTypes, decisionValues, stepValues } from './recorded.ts';
import type { SimulationStore, StoredSimulation } from './store.ts';
import type { Counts, DecidedBy } from './trial.ts';
import { startTrialThread, type TrialThread } from './trial-thread.ts';

interface SimulationDependencies {
  readonly audit: AuditAppender & RecordStreamer & Pick<RecordScanner, 'count'> & Pick<AuditLog, 'find'>;
  readonly store: SimulationStore;
  readonly entityFacts: EntityFacts;
  readonly versions: Pick<PolicyVersions, 'bundle'>;
  readonly active: () => { readonly version: { readonly version: number }; readonly loaded: LoadedBundle };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface Simulations {
  /** See `DecisionHistory.simulate`. */
  start(bundle: PolicyBundle, range: SimulationRange, by: Actor): Promise<SimulationReport>;
  find(id: SimulationId): Promise<SimulationReport>;
  stop(): Promise<void>;
}

const tellEveryMs = 1_000;
/** A simulation without progress for this long has failed, because its node is gone. */
const silentForMs = 60_000;
/** At least as long as a candidate that names the simulation is readable. */
const keptMs = 93 * 24 * 3_600_000;
const nothingCounted: Counts = {
  decisions: 0,
  skipped: {},
  permitToDeny: 0,
  denyToPermit: 0,
  otherChanges: 0,
  by: { institution: [], desk: [], action: [] },
  flips: [],
};

/**
 * Runs bundles over recorded decisions, one at a time. A thread evaluates while a thread of the log reads the next page. The main
 * thread only passes on stored entities and keeps serving requests.
 */
export function createSimulations(dependencies: SimulationDependencies): Simulations {
  const { audit, store, entityFacts, versions, clock, logger } = dependencies;
  let thread: TrialThread | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  async function begin(
    judging: TrialThread,
    bundle: PolicyBundle,
    range: SimulationRange,
    by: Actor,
  ): Promise<{ readonly report: SimulationReport; readonly stretch: Stretch }> {
    const { action, principal, institution, desk } = range;
    const filter = { action, principal, institution, desk };
    const now = clock.now();
    const base = dependencies.active();
    const stretch = stretchOf(range, now);
    const limitChanges = limitChangesBetween(base.loaded.bundle, bundle);
    const limits = triedIn(limitChanges);
    const loaded = await judging
      .ask({ say: 'load', bundle, filter: defined(filter), limits }, 'loaded', 'refused')
      .catch((error: unknown) => {
        // Serializing a deeply nested message overflows the stack.
        if (error instanceof RangeError)
          throw policyErrors.error('policy_invalid', 'The bundle is nested too deeply. Reduce the nesting.');
        throw error;
      });
    if (loaded.say === 'refused')
      throw policyErrors.error(
        'policy_invalid',
        loaded.detail,
        loaded.facts === undefined ? {} : { facts: loaded.facts },
      );
    const report: SimulationReport = {
      id: newId('simulation', dependencies),
      status: 'running',
      bundleHash: loaded.hash,
      baseVersion: base.version.version,
      range: { ...range, until: toInstant(stretch.until) },
      startedAt: toInstant(now),
      startedBy: by.id,
      progress: { done: 0, of: await audit.count(stretch) },
      ...nothingCounted,
      limitChanges,
    };
    await store.sweep(now - keptMs);
    await store.insert(report, clock.now());
    return { report, stretch };
  }

  async function run(judging: TrialThread, started: SimulationReport, stretch: Stretch): Promise<SimulationReport> {
    const triesLimits = triedIn(started.limitChanges).length > 0;
    const values = triesLimits ? [...decisionValues, ...stepValues] : decisionValues;
    const stream = await audit.stream({ ...stretch, values });
    try {
      await judging.ask({ say: 'follow', port: stream.port }, 'following');
      let report = started;
      let told = clock.now();
      for (;;) {
        const said = await nextPage(judging);
        if (said.say === 'ended') {
          const { done } = report.progress;
          const limitChanges = withTried(report.limitChanges, said.tried);
          return { ...report, ...said.counts, limitChanges, progress: { done, of: done } };
        }
        const done = report.progress.done + said.records;
        report = { ...report, progress: { done, of: Math.max(done, report.progress.of) } };
        if (Math.abs(clock.now() - told) < tellEveryMs) continue;
        told = clock.now();
        await store.update(report, told);
      }
    } finally {
      await stream.stop();
    }
  }

  /** Evaluates a page, after passing on entities and limits that the thread does not have yet. */
  async function nextPage(judging: TrialThread) {
    const said = await judging.ask({ say: 'next' }, 'need', 'judged', 'ended');
    if (said.say !== 'need') return said;
    const facts = [...(await judging.whileItLives(entityFacts.load(said.digests)))];
    const limits = await judging.whileItLives(
      Promise.all(said.versions.map(async (by) => [by.hash, await limitsOf(by, versions)] as const)),
    );
    return judging.ask({ say: 'judge', facts, limits }, 'judged');
  }

  /** Records the report before storing it as done. */
  async function finish(report: SimulationReport, by: Actor): Promise<void> {
    const ended: SimulationReport = { ...report, status: 'done', finishedAt: toInstant(clock.now()) };
    const done: SimulationReport = { ...ended, digest: digestOf(ended) };
    const record = newId('record', dependencies);
    await audit.append({
      id: record,
      type: 'policy.simulated',
      source: 'policy-engine',
      outcome: 'done',
      subject: by,
      data: factsOf(done),
    });
    await store.update(done, clock.now(), record);
  }

  async function runToItsEnd(
    judging: TrialThread,
    started: { readonly report: SimulationReport; readonly stretch: Stretch },
    by: Actor,
  ): Promise<void> {
    try {
      const report = await run(judging, started.report, started.stretch).finally(() => release(judging));
      await finish(report, by);
    } catch (error) {
      logger.error({ error, simulation: started.report.id }, 'a simulation failed');
      const failure = stopped ? 'The node that ran it was stopped.' : 'An error occurred. Simulate again.';
      await store
        .update({ ...started.report, status: 'failed', finishedAt: toInstant(clock.now()), failure }, clock.now())
        .catch((unwritten: unknown) => logger.error({ error: unwritten }, 'the end of a simulation was not written'));
    }
  }

  /** Whether the log confirms exactly this report, because proposals rely on it and rows can be changed. */
  async function isRecorded({ report, record: id }: StoredSimulation): Promise<boolean> {
    const { digest, ...ended } = report;
    const record = id === undefined ? undefined : (await audit.find(id))?.record;
    return (
      record?.type === 'policy.simulated' &&
      record.source === 'policy-engine' &&
      memberOf(record.data, 'simulation') === report.id &&
      memberOf(record.data, 'digest') === digest &&
      digest === digestOf(ended)
    );
  }

  /** Frees the slot before the end is visible, so that another simulation can start immediately. */
  async function release(judging: TrialThread): Promise<void> {
    await judging.stop();
    thread = undefined;
  }

  return {
    async start(bundle, range, by) {
      if (stopped) throw policyErrors.error('simulation_busy', 'This node is shutting down. Try another node.');
      if (thread !== undefined)
        throw policyErrors.error('simulation_busy', 'A simulation is running on this node. Try again when it is done.');
      const judging = startTrialThread();
      thread = judging;
      const beginning = begin(judging, bundle, range, by).catch(async (error: unknown) => {
        await release(judging);
        throw error;
      });
      const ending = beginning.then(
        (started) => runToItsEnd(judging, started, by),
        () => undefined,
      );
      // `stop` must also wait for a simulation that is still starting, and for the previous one, which may still be recording.
      running = Promise.all([running, ending]).then(() => undefined);
      return (await beginning).report;
    },
    async find(id) {
      const found = await store.find(id);
      if (found === undefined) throw policyErrors.error('simulation_not_found', 'There is no simulation with this id.');
      const { report, seenAt } = found;
      if (report.status === 'done' && !(await isRecorded(found)))
        throw policyErrors.error(
          'simulation_not_found',
          'The stored report of this simulation contradicts the log. Simulate again.',
        );
      if (report.status !== 'running' || clock.now() - seenAt < silentForMs) return report;
      return { ...report, status: 'failed', failure: 'The node that ran it is gone.' };
    },
    async stop() {
      stopped = true;
      await thread?.stop();
      await running;
    },
  };
}

type Stretch = Omit<RecordStreamQuery, 'values'> & { readonly until: number };

/** The range in milliseconds. It ends now at the latest, so that a growing log does not change it. */
function stretchOf({ from, until }: SimulationRange, now: number): Stretch {
  const first = instantOf('from', from);
  const last = instantOf('until', until);
  if (first !== undefined && first >= (last ?? now))
    throw policyErrors.error(
      'evaluation_invalid',
      `from (${from}) must be before until (${until ?? `now, ${toInstant(now)}`}).`,
    );
  return { types: decisionRecordTypes, ...defined({ from: first }), until: Math.min(last ?? now, now) };
}

function instantOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const instant = parseInstant(text);
  if (instant === undefined)
    throw policyErrors.error(
      'evaluation_invalid',
      `${name} must be a date and time (RFC 3339), e.g. 2026-11-21T09:30:00Z.`,
    );
  return instant;
}

function triedIn(changes: readonly LimitChange[] = []): readonly string[] {
  return changes.flatMap(({ id, tried }) => (tried === undefined ? [] : [id]));
}

function withTried(changes: readonly LimitChange[] = [], tried: ReadonlyMap<string, number>): readonly LimitChange[] {
  return changes.map((change) =>
    change.tried === undefined ? change : { ...change, tried: tried.get(change.id) ?? 0 },
  );
}

function factsOf(report: SimulationReport & { readonly digest?: Digest }): Json {
  return {
    simulation: report.id,
    bundle_hash: report.bundleHash,
    base_version: report.baseVersion,
    range: defined({ ...report.range }),
    records: report.progress.done,
    decisions: report.decisions,
    skipped: report.skipped,
    permit_to_deny: report.permitToDeny,
    deny_to_permit: report.denyToPermit,
    other_changes: report.otherChanges,
    ...(report.limitChanges === undefined
      ? {}
      : {
          limit_changes: report.limitChanges.length,
          limit_changes_not_tried: report.limitChanges.filter(({ tried }) => tried === undefined).length,
        }),
    digest: report.digest ?? null,
  };
}

/** The limits of a version; undefined if its bundle is missing or differs from the one that decided. */
export async function limitsOf(
  { version, hash }: DecidedBy,
  versions: Pick<PolicyVersions, 'bundle'>,
): Promise<readonly Json[] | undefined> {
  try {
    const bundle = await versions.bundle(version);
    return hashOfBundle(bundle) === hash ? bundle.limits : undefined;
  } catch (error) {
    if (policyErrors.is(error, 'version_not_found')) return undefined;
    throw error;
  }
}
