import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AuditAppender,
  openDecision,
  type PolicyBundle,
  type PolicyEngine,
  protectedDecision,
  type SimulationReport,
} from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { loadBundle, readBundleFolder, shippedPolicies } from '@countersign/policy-engine';
import { termsBehind } from '../evidence/terms-behind.ts';
import type { InProcess } from '../in-process.ts';
import type { Pace } from '../pace.ts';
import { generatedBundle } from '../policies/generated-bundle.ts';
import { handedRound, keptPages } from '../policies/handed-round.ts';
import { createTradingFloor, type TradingFloor } from '../policies/trading-floor.ts';
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
  /** With the records in memory: what the thread that judges does, on one core. */
  readonly judgedAlone: { readonly decisions: number; readonly seconds: number };
}

const policies = 200;
const entities = 10_000;
/** Records that are judged from memory, round and round: more than a processor keeps near itself. */
const keptRecords = 20_000;
const decisionValues = ['/data/decision/errors', '/data/decision/input', '/data/decision/reasons'];
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
  await recordDecisions(engine, floor, inProcess.auditLog, pace.simulation.decisions);
  onProgress('drawing their terms');
  const terms = termsBehind({ auditLog: inProcess.auditLog, connection: inProcess.scratch.connection });
  await terms.settle().finally(() => terms.stop());
  onProgress('running a candidate over them');
  const cpuBefore = process.cpuUsage();
  const databaseBefore = descendantsCpuUs(process.pid);
  const began = performance.now();
  const candidate = withOneMoreRule(bundle);
  const report = await simulated(engine, candidate);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const databaseAfter = descendantsCpuUs(process.pid);
  const { decisions, permitToDeny, denyToPermit, skipped } = report;
  if (decisions !== pace.simulation.decisions || Object.keys(skipped).length > 0 || permitToDeny === 0)
    throw new Error(`the simulation judged ${decisions} decisions and turned ${permitToDeny} of them`);
  onProgress('running it over records in memory');
  const kept = await keptPages(
    inProcess.auditLog,
    { types: ['decision.made'], values: decisionValues },
    Math.min(keptRecords, decisions),
  );
  const audit = { ...inProcess.auditLog, ...handedRound(kept, decisions) };
  const alone = await engineOn(loadBundle(bundle), floor.directory, 'judging', { ...options, audit });
  for (const order of floor.orders) await alone.decide(order);
  const judgingBegan = performance.now();
  const { decisions: judged } = await simulated(alone, candidate);
  const judgedAlone = { decisions: judged, seconds: (performance.now() - judgingBegan) / 1000 };
  return {
    judgedAlone,
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
  floor: TradingFloor,
  log: AuditAppender,
  count: number,
): Promise<void> {
  // What each of them reads of the directory is stored the first time.
  for (const order of floor.orders) await engine.decide(order);
  let begun = 0;
  const record = async (): Promise<void> => {
    while (begun < count) {
      begun++;
      const order = floor.nextOrder();
      const decision = await engine.decide(order);
      await log.append({
        id: newId('record', { clock: systemClock, random: systemRandom }),
        type: 'decision.made',
        source: 'benchmark',
        outcome: decision.decision ? 'permit' : 'deny',
        references: [decision.policyRecord],
        subject: { id: order.principal, institution: order.context.institution },
        policy: { version: decision.policyVersion, hash: decision.policyHash },
        data: { decision: openDecision(decision) },
        protectedValues: protectedDecision(decision, order.context.institution),
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
