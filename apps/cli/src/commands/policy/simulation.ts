import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '@countersign/kernel';
import type { Token } from '@countersign/sdk/calling';
import type { PolicyCaller } from './door.ts';

/** Which recorded decisions to run over, as the interface takes it. */
export interface SimulationRange {
  readonly from?: string;
  readonly until?: string;
  readonly action?: string;
  readonly principal?: string;
  readonly institution?: string;
  readonly desk?: string;
}

export interface FlipCountView {
  readonly name: string;
  readonly decisions: number;
  readonly permitToDeny: number;
  readonly denyToPermit: number;
}

/** A report as the interface shows it. */
export interface SimulationView {
  readonly id: string;
  readonly status: 'running' | 'done' | 'failed';
  readonly failure?: string;
  readonly bundleHash: string;
  readonly baseVersion: number;
  readonly range: SimulationRange;
  readonly progress: { readonly done: number; readonly of: number };
  readonly decisions: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly permitToDeny: number;
  readonly denyToPermit: number;
  readonly otherwiseChanged: number;
  readonly by: Readonly<Record<'institution' | 'desk' | 'action', readonly FlipCountView[]>>;
  readonly flips: readonly {
    readonly record: string;
    readonly at: string;
    readonly principal: string;
    readonly action: string;
    readonly from: string;
    readonly to: string;
    readonly before: readonly string[];
    readonly after: readonly string[];
    readonly limits?: { readonly before: readonly string[]; readonly after: readonly string[] };
  }[];
  /** Missing in reports that were made before they said so. */
  readonly limitChanges?: readonly LimitChangeView[];
  readonly digest?: string;
}

/** A limit or a rate that the candidate changes. */
export interface LimitChangeView {
  readonly kind: 'limit' | 'rate';
  readonly id: string;
  readonly change: 'added' | 'changed' | 'removed';
  readonly before?: unknown;
  readonly after?: unknown;
  /** Decisions that were held to it; missing where it was not tried. */
  readonly tried?: number;
}

const pollEveryMs = 250;
/** A token is renewed when it has less left than this. */
const renewBeforeMs = 30_000;

/**
 * Runs a bundle over recorded decisions and waits for the report.
 *
 * @throws CodedError as the interface refuses it, e.g. `policy_invalid`, `simulation_busy`; `simulation_failed`
 */
export async function runSimulation(
  { issuer, client, token }: PolicyCaller,
  bundle: unknown,
  range: SimulationRange,
  onProgress: (progress: SimulationView['progress']) => void,
): Promise<SimulationView> {
  let held: Token = await token('policies', 'policy:read');
  let report = (await client.callOrThrow(held, {
    method: 'POST',
    url: `${issuer}/policies/simulations`,
    body: { bundle, range },
  })) as SimulationView;
  while (report.status === 'running') {
    onProgress(report.progress);
    await sleep(pollEveryMs);
    if (held.expiresAt - Date.now() < renewBeforeMs) held = await token('policies', 'policy:read');
    const url = `${issuer}/policies/simulations/${encodeURIComponent(report.id)}`;
    report = (await client.callOrThrow(held, { method: 'GET', url })) as SimulationView;
  }
  onProgress(report.progress);
  if (report.status === 'done') return report;
  throw new CodedError({
    code: 'simulation_failed',
    category: 'unavailable',
    detail: `The simulation ${report.id} failed: ${report.failure ?? 'nobody knows why.'}`,
  });
}
