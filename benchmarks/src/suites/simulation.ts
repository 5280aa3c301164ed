import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import {
  type AuditAppender,
  createPageSource,
  type FromRecordStream,
  openDecision,
  type PolicyBundle,
  type PolicyEngine,
  protectedDecision,
  type RecordPage,
  type RecordStream,
  type RecordStreamer,
  type SimulationReport,
} from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { loadBundle, readBundleFolder, shippedPolicies } from '@countersign/policy-engine';
import { termsBehind } from '../evidence/terms-behind.ts';
import { thisProcess, withCosts } from '../http-contender.ts';
import type { Pace } from '../pace.ts';
import { generatedBundle } from '../policies/generated-bundle.ts';
import { createTradingFloor, type TradingFloor } from '../policies/trading-floor.ts';
import { about } from '../starter.ts';
import { number, table, verdict } from '../table.ts';
import { engineOn } from './decisions.ts';
import type { InProcessOptions } from './suite.ts';

export interface SimulationResults {
  readonly decisions: number;
  readonly flips: number;
  /** From the request to the report. */
  readonly seconds: number;
  /** CPU time of this process: the thread that evaluates, and the one that reads the log. */
  readonly cpuSeconds: number;
  /** CPU time of its PostgreSQL. */
  readonly databaseCpuSeconds: number | undefined;
  /** The evaluating thread alone, with the records in memory. */
  readonly judgedAlone: { readonly decisions: number; readonly seconds: number };
}

const policies = 200;
const entities = 10_000;
/** Records in memory that are evaluated repeatedly; more than fit into the caches of a processor. */
const keptRecords = 20_000;
const decisionValues = ['/data/decision/errors', '/data/decision/input', '/data/decision/reasons'];
/** As many as a batch of the log holds. */
const recordedAtOnce = 512;

/** Orders are decided and recorded as by a server; then a bundle with one more rule is simulated over all of them. */
export async function measureSimulation(options: InProcessOptions): Promise<SimulationResults> {
  const { inProcess, pace } = options;
  const onProgress = about('simulation', options.onProgress);
  const bundle = generatedBundle(await readBundleFolder(shippedPolicies), policies);
  const floor = createTradingFloor(entities);
  const engine = await engineOn(loadBundle(bundle), floor.directory, 'simulation', {
    ...options,
    audit: inProcess.auditLog,
  });
  onProgress(`recording ${pace.simulation.decisions.toLocaleString('en')} decisions`);
  await recordDecisions(engine, floor, inProcess.auditLog, pace.simulation.decisions);
  onProgress('drawing their terms');
  const terms = termsBehind({ auditLog: inProcess.auditLog, connection: inProcess.scratch.connection });
  await terms.settle().finally(() => terms.stop());
  onProgress('running a candidate over them');
  const candidate = withOneMoreRule(bundle);
  const run = await withCosts(thisProcess, () => simulated(engine, candidate));
  const { value: report, seconds, cpuUs, databaseCpuUs } = run;
  const { decisions, permitToDeny, denyToPermit, skipped } = report;
  if (decisions !== pace.simulation.decisions || Object.keys(skipped).length > 0 || permitToDeny === 0)
    throw new Error(`the simulation judged ${decisions} decisions and changed ${permitToDeny} of them`);
  onProgress('running it over records in memory');
  const query = { types: ['decision.made' as const], values: decisionValues };
  const pages = await keptPages(inProcess.auditLog, query, Math.min(keptRecords, decisions));
  const audit = { ...inProcess.auditLog, ...repeatedPages(pages, decisions) };
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
    cpuSeconds: cpuUs / 1e6,
    databaseCpuSeconds: databaseCpuUs === undefined ? undefined : databaseCpuUs / 1e6,
  };
}

async function recordDecisions(
  engine: PolicyEngine,
  floor: TradingFloor,
  log: AuditAppender,
  count: number,
): Promise<void> {
  // Entities of the directory are stored with the first decision.
  for (const order of floor.orders) await engine.decide(order);
  let started = 0;
  const record = async (): Promise<void> => {
    while (started < count) {
      started++;
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

export function simulationSection(results: SimulationResults, { rounds }: Pace): string {
  const { decisions, flips, seconds, cpuSeconds, databaseCpuSeconds, judgedAlone } = results;
  const aMillion = (seconds * 1_000_000) / decisions;
  const aMillionAlone = (judgedAlone.seconds * 1_000_000) / judgedAlone.decisions;
  const said = (value: number | undefined) => number(value, 1);
  return [
    table('A policy bundle simulated over recorded decisions', [
      ['', 'decisions', 'flips', 'seconds', 'decisions/s', 'CPU s', 'PostgreSQL s'],
      [
        'log read, opened and judged',
        number(decisions, 0),
        number(flips, 0),
        number(seconds, 1),
        number(decisions / seconds, 0),
        number(cpuSeconds, 1),
        number(databaseCpuSeconds, 1),
      ],
      [
        'judged by one thread, records in memory',
        number(judgedAlone.decisions, 0),
        '',
        number(judgedAlone.seconds, 1),
        number(judgedAlone.decisions / judgedAlone.seconds, 0),
      ],
    ]),
    verdict('seconds a million, by the core that judges', aMillionAlone, { atMost: 30 }, rounds, said),
    verdict('seconds a million, the log read and opened beside it', aMillion, { atMost: 30 }, rounds, said),
  ].join('\n');
}

/** Pages of the log with at least this many records. */
async function keptPages(
  log: RecordStreamer,
  query: Parameters<RecordStreamer['stream']>[0],
  atLeast: number,
): Promise<readonly RecordPage[]> {
  const stream = await log.stream(query);
  const pages: RecordPage[] = [];
  let records = 0;
  try {
    const source = createPageSource(stream.port);
    while (records < atLeast) {
      const page = await source.next();
      if (page === undefined) break;
      pages.push(page);
      records += page.records;
    }
  } finally {
    await stream.stop();
  }
  if (records === 0) throw new Error('the log has no decisions');
  return pages;
}

/** A stream that repeats these pages until there have been this many records. */
function repeatedPages(pages: readonly RecordPage[], atLeast: number): RecordStreamer {
  return {
    async stream(): Promise<RecordStream> {
      const { port1: port, port2: own } = new MessageChannel();
      let given = 0;
      let turn = 0;
      own.on('message', () => {
        const page = pages[turn++ % pages.length];
        const said: FromRecordStream =
          page === undefined || given >= atLeast ? { say: 'end' } : { say: 'page', page: copyOf(page) };
        if (said.say === 'page') given += said.page.records;
        own.postMessage(said, said.say === 'page' ? [said.page.bytes.buffer, said.page.ends.buffer] : []);
      });
      return { port, stop: async () => own.close() };
    },
  };
}

function copyOf({ records, bytes, ends }: RecordPage): RecordPage {
  return { records, bytes: bytes.slice(), ends: ends.slice() };
}
