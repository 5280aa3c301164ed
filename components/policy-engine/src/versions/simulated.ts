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
 * The report of a simulation, if it is of exactly this bundle against the active version and at most a day old. It may be limited to
 * a period, which the approver sees, but not to principals or actions, because its author could hide flips. It must not have skipped
 * all decisions, because it would prove nothing.
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
    if (policyErrors.is(error, 'simulation_not_found')) throw notSimulated('There is no simulation with this id.');
    throw error;
  });
  const { status, digest, bundleHash, baseVersion, finishedAt, range } = report;
  if (status !== 'done' || digest === undefined) throw notSimulated(`The simulation is ${status}.`);
  if (bundleHash !== wanted.hash) throw notSimulated('The simulation was of another bundle.');
  if (baseVersion !== wanted.baseVersion)
    throw notSimulated(
      `The simulation was against version ${baseVersion}, but version ${wanted.baseVersion} is active.`,
    );
  if (narrowing.some((member) => range[member] !== undefined))
    throw notSimulated('The simulation left decisions out. It may only be limited to a period.');
  const skipped = Object.entries(report.skipped);
  if (report.decisions === 0 && skipped.length > 0)
    throw notSimulated(
      `The simulation judged no decision, because it had to skip all of them (${skipped
        .map(([why, count]) => `${why} ${count}`)
        .join(', ')}). Choose a period for which the inputs of decisions are still stored.`,
      { facts: { skipped: report.skipped } },
    );
  if (report.decisions === 0 && isOfATime(report))
    throw notSimulated('The simulation is limited to a period without decisions.');
  const finished = finishedAt === undefined ? undefined : parseInstant(finishedAt);
  if (finished === undefined || wanted.now - finished >= freshMs)
    throw notSimulated('The simulation is more than a day old.');
  return { ...report, digest };
}

/** Whether the simulation is limited to a period. An unlimited one ends at its start and may find no decisions at all. */
function isOfATime({ range: { from, until }, startedAt }: SimulationReport): boolean {
  return from !== undefined || (until !== undefined && until !== startedAt);
}

function notSimulated(why: string, options: Pick<CodedErrorOptions, 'facts'> = {}): CodedError {
  return policyErrors.error('policy_not_simulated', `${why} Simulate the bundle and name that simulation.`, options);
}
