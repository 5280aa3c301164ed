import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AuditAppender,
  type DecisionInput,
  type PolicyBundle,
  type PolicyEngine,
  recordedDecision,
  type SimulationReport,
} from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { loadBundle, readBundleFolder, shippedPolicies } from '@countersign/policy-engine';
import type { InProcess } from '../in-process.ts';
import type { Pace } from '../pace.ts';
import { generatedBundle } from '../policies/generated-bundle.ts';
import { createTradingFloor } from '../policies/trading-floor.ts';
import { descendantsCpuUs } from '../process-tree-cpu.ts';
import type { Starter } from '../starter.ts';
import { engineOn } from './decisions.ts';

/** A candidate over what was recorded of so many decisions. */
export interface SimulationResults {
  readonly decisions: number;
  readonly flips: number;
  /** From the question to the report. */
  readonly seconds: number;
  /** CPU time of this process, in seconds: the thread that judges, and the one that reads the log. */
  readonly cpuSeconds: number;
  /** CPU time of its PostgreSQL. */
  readonly databaseCpuSeconds?: number;
}

const policies = 200;
const entities = 10_000;
/** As many as a batch of the log holds. */
const recordedAtOnce = 512;

/**
 * Orders are decided and recorded, as the order path does; then a bundle that has one more rule is run over all of
 * them.
 */
export async function measureSimulation(options: {
  readonly inProcess: InProcess;
  readonly folder: string;
  readonly pace: Pace;
  readonly started: Starter;
  readonly onProgress: (message: string) => void;
}): Promise<SimulationResults> {
  const { inProcess, pace } = options;
  const onProgress = (message: string): void => options.onProgress(`simulation: ${message}`);
  const bundle = generatedBundle(await readBundleFolder(shippedPolicies), policies);
  const floor = createTradingFloor(entities);
  const engine = await engineOn(loadBundle(bundle), floor.directory, 'simulation', options);
  onProgress(`recording ${pace.simulation.decisions.toLocaleString('en')} decisions`);
  await recordDecisions(engine, floor.orders, inProcess.auditLog, pace.simulation.decisions);
  onProgress('running a candidate over them');
  const cpuBefore = process.cpuUsage();
  const databaseBefore = descendantsCpuUs(process.pid);
  const began = performance.now();
  const report = await simulated(engine, withOneMoreRule(bundle));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const databaseAfter = descendantsCpuUs(process.pid);
  const { decisions, permitToDeny, denyToPermit, skipped } = report;
  if (decisions !== pace.simulation.decisions || Object.keys(skipped).length > 0 || permitToDeny === 0)
    throw new Error(`the simulation judged ${decisions} decisions and turned ${permitToDeny} of them`);
  return {
    decisions,
    flips: permitToDeny + denyToPermit,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    ...(databaseBefore === undefined || databaseAfter === undefined
      ? {}
      : { databaseCpuSeconds: (databaseAfter - databaseBefore) / 1e6 }),
  };
}

async function recordDecisions(
  engine: PolicyEngine,
  orders: readonly DecisionInput[],
  log: AuditAppender,
  count: number,
): Promise<void> {
  // What each of them reads of the directory is stored the first time.
  for (const order of orders) await engine.decide(order);
  let begun = 0;
  const record = async (): Promise<void> => {
    while (begun < count) {
      const order = orders[begun++ % orders.length];
      if (order === undefined) throw new Error('there is nothing to decide about');
      const decision = await engine.decide({ ...order, context: { ...order.context, at: Date.now() } });
      await log.append({
        id: newId('record', { clock: systemClock, random: systemRandom }),
        type: 'decision.made',
        source: 'benchmark',
        outcome: decision.decision ? 'permit' : 'deny',
        references: [decision.policyRecord],
        subject: { id: order.principal, institution: order.context.institution },
        policy: { version: decision.policyVersion, hash: decision.policyHash },
        data: { decision: recordedDecision(decision) },
      });
    }
  };
  await Promise.all(Array.from({ length: recordedAtOnce }, record));
}

async function simulated({ history }: PolicyEngine, candidate: PolicyBundle): Promise<SimulationReport> {
  let report = await history.simulate(candidate, {}, { id: 'service:benchmark' });
  while (report.status === 'running') {
    await sleep(20);
    report = await history.simulation(report.id);
  }
  if (report.status === 'failed') throw new Error(report.failure);
  return report;
}

/** One order in fifty is larger. */
function withOneMoreRule(bundle: PolicyBundle): PolicyBundle {
  const rule = `@id("candidate")
@reason("approval_required")
@detail("Orders over 900,490.0 need a supervisor; this one is for {resource.notional}.")
@remedy("approval supervisor 1")
forbid (principal, action == Action::"order:create", resource is Transaction)
when { resource has notional && resource.notional.greaterThan(decimal("900490.0")) }
unless { resource.approvals.supervisor >= 1 };`;
  return { ...bundle, policies: [...bundle.policies, { file: 'more.cedar', text: rule }] };
}
