import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '@countersign/kernel';
import type { Token } from '@countersign/sdk/calling';
import { type Caller, request, type Schemas } from '../../api.ts';
import type { Bundle } from './compare-bundles.ts';

/** The recorded decisions to simulate, as the interface accepts them. */
export interface SimulationRange {
  readonly from?: string;
  readonly until?: string;
  readonly action?: string;
  readonly principal?: string;
  readonly institution?: string;
  readonly desk?: string;
}

export type SimulationView = Schemas['SimulationReport'];

const pollEveryMs = 250;
/** Renews a token with less remaining lifetime than this. */
const renewBeforeMs = 30_000;

/**
 * Simulates a bundle over recorded decisions and waits for the report.
 *
 * @throws CodedError of the interface, e.g. `policy_invalid`, `simulation_busy`; `simulation_failed`
 */
export async function runSimulation(
  { issuer, client, token }: Caller,
  bundle: Bundle,
  range: SimulationRange,
  onProgress: (progress: SimulationView['progress']) => void,
): Promise<SimulationView> {
  let held: Token = await token('policies', 'policy:read');
  const caller = { issuer, client, token: async () => held };
  let report = await request(caller, 'POST /policies/simulations', { scope: 'policy:read', body: { bundle, range } });
  while (report.status === 'running') {
    onProgress(report.progress);
    await sleep(pollEveryMs);
    if (held.expiresAt - Date.now() < renewBeforeMs) held = await token('policies', 'policy:read');
    const inputs = { scope: 'policy:read', params: { id: report.id } } as const;
    report = await request(caller, 'GET /policies/simulations/{id}', inputs);
  }
  onProgress(report.progress);
  if (report.status === 'done') return report;
  throw new CodedError({
    code: 'simulation_failed',
    category: 'unavailable',
    detail: `The simulation ${report.id} failed: ${report.failure ?? 'nobody knows why.'}`,
  });
}
