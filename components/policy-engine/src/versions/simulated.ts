import {
  type DecisionHistory,
  policyErrors,
  type SimulationRange,
  type SimulationReport,
} from '@countersign/contracts';
import {
  type CodedError,
  type CodedErrorOptions,
  type Digest,
  parseInstant,
  type SimulationId,
} from '@countersign/kernel';

const freshMs = 24 * 3_600_000;
const narrowing = ['action', 'principal', 'institution', 'desk'] as const satisfies readonly (keyof SimulationRange)[];

/**
 * The report of a simulation, if it is one of exactly this bundle against the active version, and of today. It may keep to
 * a time, which the approver is shown; one that keeps to somebody or something shows the flips that its author chose. Nor
 * may it have skipped all there was: that it found no flip says nothing.
 *
 * @throws CodedError `policy_not_simulated`
 */
export async function checkSimulation(
  id: SimulationId,
  wanted: {
    readonly hash: Digest;
    readonly baseVersion: number;
    readonly simulation: DecisionHistory['simulation'];
    readonly now: number;
  },
): Promise<SimulationReport & { readonly digest: Digest }> {
  const report = await wanted.simulation(id).catch((error: unknown) => {
    if (policyErrors.is(error, 'simulation_not_found')) throw notSimulated('There is no simulation by this id.');
    throw error;
  });
  const { status, digest, bundleHash, baseVersion, finishedAt, range } = report;
  if (status !== 'done' || digest === undefined) throw notSimulated(`The simulation is ${status}.`);
  if (bundleHash !== wanted.hash) throw notSimulated('The simulation was of another bundle.');
  if (baseVersion !== wanted.baseVersion)
    throw notSimulated(
      `The simulation was against version ${baseVersion}, and version ${wanted.baseVersion} is active.`,
    );
  if (narrowing.some((member) => range[member] !== undefined))
    throw notSimulated('The simulation left decisions out: only a time may limit it.');
  const skipped = Object.entries(report.skipped);
  if (report.decisions === 0 && skipped.length > 0)
    throw notSimulated(
      `The simulation judged nothing, so it says nothing: all that was decided had to be skipped (${skipped
        .map(([why, count]) => `${why} ${count}`)
        .join(', ')}). Choose a time of which there is what decisions were made from.`,
      { facts: { skipped: report.skipped } },
    );
  if (report.decisions === 0 && isOfATime(report))
    throw notSimulated('The simulation kept to a time in which nothing was decided, so it says nothing.');
  const finished = finishedAt === undefined ? undefined : parseInstant(finishedAt);
  if (finished === undefined || wanted.now - finished >= freshMs)
    throw notSimulated('The simulation is over a day old.');
  return { ...report, digest };
}

/** One of all times ends where it began; where nothing at all was ever decided, it has nothing to look at. */
function isOfATime({ range: { from, until }, startedAt }: SimulationReport): boolean {
  return from !== undefined || (until !== undefined && until !== startedAt);
}

function notSimulated(why: string, options: Pick<CodedErrorOptions, 'facts'> = {}): CodedError {
  return policyErrors.error('policy_not_simulated', `${why} Simulate the bundle and name that simulation.`, options);
}
