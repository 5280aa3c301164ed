import type { Caller } from '../../api.ts';
import { dim, progressLine } from '../../output.ts';
import type { Bundle } from './compare-bundles.ts';
import { progressBar } from './progress-bar.ts';
import { runSimulation, type SimulationRange, type SimulationView } from './simulation.ts';

/** Like {@link runSimulation}, with a progress bar on stderr. Ends the progress line also after a failure. */
export async function simulateShowingProgress(
  connection: Caller,
  bundle: Bundle,
  range: SimulationRange,
): Promise<SimulationView> {
  const line = progressLine();
  let last: string | undefined;
  try {
    return await runSimulation(connection, bundle, range, (progress) => {
      last = progressBar(progress, 'records');
      line.update(last);
    });
  } finally {
    if (last !== undefined) line.end(dim(last));
  }
}
