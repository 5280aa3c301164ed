import { cpus, loadavg } from 'node:os';
import { findSoftHsm, makeSoftToken } from '@countersign/testkit';
import { startControlPlaneProcess, startSecondNode, stoppable } from './control-plane.ts';
import { startEvidenceSites } from './evidence/evidence-site.ts';
import { startInProcess } from './in-process.ts';
import type { Result } from './measure.ts';
import type { Pace } from './pace.ts';
import { startPeers } from './peers.ts';
import { startServerProcess } from './server-process.ts';
import type { EmptyServerSettings } from './servers/empty-server.ts';
import { startSplitInstallation } from './split-installation.ts';
import type { Starter, Stoppable } from './starter.ts';
import { type AppendResults, measureAppends } from './suites/appends.ts';
import { type CodeFlowResults, measureAuthorizationCode } from './suites/authorization-code.ts';
import { type DecisionResults, measureDecisions } from './suites/decisions.ts';
import { type EvaluationResults, measureEvaluations } from './suites/evaluations.ts';
import { measureEvidenceQueries, type QueryResults } from './suites/evidence-queries.ts';
import { type GrowthResults, measureGrowth } from './suites/growth.ts';
import { measureIntrospection } from './suites/introspection.ts';
import { type KeysInATokenResults, measureKeysInAToken } from './suites/keys-in-a-token.ts';
import { measureLogGrowth } from './suites/log-growth.ts';
import { type MandateResults, measureMandates } from './suites/mandates.ts';
import { measureProofs, type ProofResults } from './suites/proofs.ts';
import { measurePublication } from './suites/publication.ts';
import { measureReconstruction, ordersToReconstruct, type ReconstructionResults } from './suites/reconstruction.ts';
import { measureRevocation, type RevocationDelays } from './suites/revocation.ts';
import { measureSignIns, type SignInResults } from './suites/sign-ins.ts';
import { measureSimulation, type SimulationResults } from './suites/simulation.ts';
import {
  measurePushedAuthorization,
  measureRefresh,
  measureTokenExchange,
  measureTokenIssuing,
} from './suites/token-requests.ts';
import { measureTransitions, type TransitionResults } from './suites/transitions.ts';
import { type Installation, measureWholeAndSplit, type WholeAndSplitResults } from './suites/whole-and-split.ts';
import { emptyTrading, grownTrading } from './trading/grown-trading.ts';
import { makeWorkingFolder } from './working-folder.ts';

export const suiteNames = [
  'tokens',
  'pushed-authorization',
  'authorization-code',
  'refresh',
  'introspection',
  'exchange',
  'decisions',
  'evaluations',
  'whole-and-split',
  'keys-in-a-token',
  'simulation',
  'appends',
  'publication',
  'proofs',
  'evidence-queries',
  'mandates',
  'transitions',
  'reconstruction',
  'sign-ins',
  'revocation',
  'growth',
] as const;
export type SuiteName = (typeof suiteNames)[number];

/** All results of a run. Each contains every round, so that other figures can be computed from it. */
export interface BenchmarkReport {
  /** RFC 3339. */
  readonly at: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly platform: string;
    readonly node: string;
    /** One-minute load average before the run, which shows other load on the machine. */
    readonly loadBefore: number;
  };
  readonly pace: Pace;
  readonly warnings: readonly string[];
  readonly suites: {
    readonly tokens?: readonly Result[];
    readonly 'pushed-authorization'?: readonly Result[];
    readonly 'authorization-code'?: CodeFlowResults;
    readonly refresh?: readonly Result[];
    readonly introspection?: readonly Result[];
    readonly exchange?: readonly Result[];
    readonly decisions?: readonly DecisionResults[];
    readonly evaluations?: EvaluationResults;
    readonly 'whole-and-split'?: WholeAndSplitResults;
    readonly 'keys-in-a-token'?: KeysInATokenResults;
    readonly simulation?: SimulationResults;
    readonly appends?: readonly AppendResults[];
    readonly publication?: readonly Result[];
    readonly proofs?: ProofResults & { readonly appends: readonly Result[] };
    readonly 'evidence-queries'?: readonly QueryResults[];
    readonly mandates?: MandateResults;
    readonly transitions?: readonly TransitionResults[];
    readonly reconstruction?: readonly ReconstructionResults[];
    readonly 'sign-ins'?: SignInResults;
    readonly revocation?: readonly RevocationDelays[];
    readonly growth?: GrowthResults;
  };
}

type Suites = { -readonly [Name in SuiteName]?: BenchmarkReport['suites'][Name] };

export interface BenchmarkOptions {
  readonly only: readonly SuiteName[];
  readonly pace: Pace;
  /** Folder for CPU profiles of the control plane, in V8's format. */
  readonly profileFolder?: string | undefined;
  /** Folder in which large logs are kept for the next run, instead of being filled each time. */
  readonly keep?: string | undefined;
  /** Another built checkout of the project, whose control plane is measured for comparison. */
  readonly before?: string | undefined;
  readonly onProgress: (message: string) => void;
  /** Receives a function that aborts the run and cleans up; for signals. */
  readonly onStarted?: (abort: () => Promise<void>) => void;
}

/** The context of every part of a run. */
interface Run extends BenchmarkOptions {
  /** The folder of the databases. */
  readonly folder: string;
  readonly wants: (...names: readonly SuiteName[]) => boolean;
  readonly started: Starter;
}

/**
 * Runs suites against real servers, including PostgreSQL. Starts and stops everything it needs, and removes its data.
 *
 * @throws CodedError `benchmark_*` at the first failed request
 */
export async function runBenchmarks(options: BenchmarkOptions): Promise<BenchmarkReport> {
  const { only, pace } = options;
  const at = new Date().toISOString();
  const machine = describeMachine();
  const folder = makeWorkingFolder();
  const running: Stoppable[] = [];
  const stopAll = async (): Promise<void> => {
    for (let part = running.pop(); part !== undefined; part = running.pop()) await part.stop();
  };
  options.onStarted?.(() => stopAll().finally(() => folder.remove()));
  const run: Run = {
    ...options,
    folder: folder.path,
    wants: (...names) => names.some((name) => only.includes(name)),
    started(starting) {
      running.push(onceStarted(starting));
      return starting;
    },
  };
  try {
    const suites: Suites = {};
    for (const part of [
      measureOverHttp,
      measureInstallations,
      measureToken,
      measureInProcess,
      measureEvidence,
      measureTrading,
      measurePeople,
      measureRevocations,
      measureAsItGrows,
    ]) {
      Object.assign(suites, await part(run));
      await stopAll();
    }
    return { at, machine, pace, warnings: warningsOf(folder.onDisk, pace), suites };
  } finally {
    await stopAll();
    folder.remove();
  }
}

async function measureOverHttp(run: Run): Promise<Suites> {
  const { wants, started, pace, onProgress } = run;
  const suites: Suites = {};
  const beside = ['tokens', 'pushed-authorization', 'authorization-code', 'refresh', 'introspection'] as const;
  if (!wants(...beside, 'exchange', 'evaluations')) return suites;
  onProgress('starting the control plane');
  const controlPlane = await started(stoppable(startControlPlaneProcess(run)));
  const http = { controlPlane, pace, onProgress };
  if (wants(...beside)) {
    const peers = await started(startPeers(controlPlane.market, onProgress));
    const suite = { ...http, peers };
    if (wants('tokens')) suites.tokens = await measureTokenIssuing(suite);
    if (wants('pushed-authorization')) suites['pushed-authorization'] = await measurePushedAuthorization(suite);
    if (wants('authorization-code')) suites['authorization-code'] = await measureAuthorizationCode(suite);
    if (wants('refresh')) suites.refresh = await measureRefresh(suite);
    if (wants('introspection')) suites.introspection = await measureIntrospection(suite);
  }
  if (wants('exchange')) suites.exchange = await measureTokenExchange(http);
  if (wants('evaluations')) {
    const { certificatePem: certificate, privateKeyPem: key } = controlPlane.mutualTls.identity;
    const empty = (settings: EmptyServerSettings) =>
      started(startServerProcess({ name: 'empty-server', settings, onProgress }));
    suites.evaluations = await measureEvaluations({
      ...http,
      emptyServer: await empty({}),
      emptyTlsServer: await empty({ tls: { certificate, key, clientCertificates: {} } }),
    });
  }
  return suites;
}

async function measureInstallations(run: Run): Promise<Suites> {
  const { wants, started, pace, before, onProgress } = run;
  if (!wants('whole-and-split')) return {};
  onProgress('starting a control plane in one process and one in four');
  const place = { ...run, name: 'whole' };
  const installations: Installation[] = [
    { name: 'one process', ...(await started(stoppable(startControlPlaneProcess(place)))) },
    { name: 'four processes', ...(await started(startSplitInstallation(run))) },
  ];
  if (before !== undefined) {
    const earlier = { ...run, name: 'before', checkout: before };
    installations.push({ name: `before, ${before}`, ...(await started(stoppable(startControlPlaneProcess(earlier)))) });
  }
  return { 'whole-and-split': await measureWholeAndSplit({ installations, pace, onProgress }) };
}

/** Needs SoftHSM; without it the suite is left out, with a message. */
async function measureToken(run: Run): Promise<Suites> {
  const { wants, started, pace, onProgress } = run;
  if (!wants('keys-in-a-token')) return {};
  const softHsm = findSoftHsm();
  if (!softHsm.found) {
    onProgress(`keys in a token: left out (${softHsm.reason})`);
    return {};
  }
  const softToken = makeSoftToken();
  await started(Promise.resolve({ stop: async () => softToken.dispose() }));
  onProgress('starting a control plane with keys in software and one with keys in a token');
  const software = await started(stoppable(startControlPlaneProcess({ ...run, name: 'software' })));
  const keys = { driver: 'pkcs11', pkcs11: softToken.settings };
  const token = await started(stoppable(startControlPlaneProcess({ ...run, name: 'token', keys })));
  return { 'keys-in-a-token': await measureKeysInAToken({ software, token, pace, onProgress }) };
}

async function measureInProcess(run: Run): Promise<Suites> {
  const { wants, started, folder, pace, onProgress } = run;
  const suites: Suites = {};
  if (!wants('decisions', 'simulation', 'appends', 'publication')) return suites;
  onProgress('starting PostgreSQL for what is measured in process');
  const inProcess = await started(startInProcess(run));
  if (wants('decisions')) suites.decisions = await measureDecisions({ inProcess, folder, started, pace, onProgress });
  if (wants('simulation'))
    suites.simulation = await measureSimulation({ inProcess, folder, started, pace, onProgress });
  if (wants('appends')) suites.appends = await measureAppends({ inProcess, folder, started, pace, onProgress });
  if (wants('publication'))
    suites.publication = await measurePublication({ inProcess, folder, started, pace, onProgress });
  return suites;
}

async function measureEvidence(run: Run): Promise<Suites> {
  const { wants, started, folder, keep, pace, onProgress } = run;
  const suites: Suites = {};
  if (!wants('proofs', 'evidence-queries')) return suites;
  const sites = await startEvidenceSites({ sizes: pace.evidence.sizes, folder, keep, started, onProgress });
  const suite = { sites, pace, onProgress };
  // Appends run last, so that the records that they add affect no other figure.
  const proofs = wants('proofs') ? await measureProofs(suite) : undefined;
  if (wants('evidence-queries')) suites['evidence-queries'] = await measureEvidenceQueries(suite);
  if (proofs !== undefined) suites.proofs = { ...proofs, appends: await measureLogGrowth(suite) };
  return suites;
}

async function measureTrading(run: Run): Promise<Suites> {
  const { wants, started, folder, pace, onProgress } = run;
  const suites: Suites = {};
  if (!wants('mandates', 'transitions', 'reconstruction')) return suites;
  onProgress('starting PostgreSQL for mandates and transactions');
  const inProcess = await started(startInProcess(run));
  if (wants('mandates')) suites.mandates = await measureMandates({ inProcess, folder, started, pace, onProgress });
  if (!wants('transitions', 'reconstruction')) return suites;
  const settled = wants('reconstruction') ? ordersToReconstruct(pace) : 0;
  const sites = [
    await emptyTrading(settled, { inProcess, started, onProgress }),
    await grownTrading(pace.transactions, settled, { inProcess, started, onProgress }),
  ];
  // Read before anything else is done beside it, and its orders are not yet among the newest.
  if (wants('reconstruction')) suites.reconstruction = await measureReconstruction({ sites, pace, onProgress });
  if (wants('transitions')) suites.transitions = await measureTransitions({ sites, pace, onProgress });
  return suites;
}

async function measurePeople({ wants, started, folder, pace, onProgress }: Run): Promise<Suites> {
  if (!wants('sign-ins')) return {};
  onProgress('starting PostgreSQL for sign-ins');
  const inProcess = await started(startInProcess({ folder, onProgress }));
  return { 'sign-ins': await measureSignIns({ inProcess, started, pace, onProgress }) };
}

async function measureRevocations(run: Run): Promise<Suites> {
  const { wants, started, pace, onProgress } = run;
  if (!wants('revocation')) return {};
  onProgress('starting two nodes of a control plane');
  const place = { ...run, name: 'two-nodes' };
  const controlPlane = await started(stoppable(startControlPlaneProcess(place)));
  const secondNode = await started(startSecondNode(place));
  return { revocation: await measureRevocation({ controlPlane, secondNode, pace, onProgress }) };
}

async function measureAsItGrows({ wants, started, folder, pace, onProgress }: Run): Promise<Suites> {
  if (!wants('growth')) return {};
  return { growth: await measureGrowth({ folder, pace, onProgress, started }) };
}

/** A starting part must finish starting before it can be stopped; a part that failed to start has stopped by itself. */
function onceStarted(starting: Promise<Stoppable>): Stoppable {
  return { stop: async () => (await starting.catch(() => undefined))?.stop() };
}

function warningsOf(onDisk: boolean, pace: Pace): readonly string[] {
  return [
    ...(onDisk ? [] : ['the databases lay in memory, where a commit waits for no disk: durable figures are too good']),
    ...(pace.rounds > 1 ? [] : ['a quick run shows that everything works, not how fast']),
  ];
}

function describeMachine(): BenchmarkReport['machine'] {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}
