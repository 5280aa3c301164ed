import { cpus, loadavg } from 'node:os';
import { findSoftHsm, makeSoftToken } from '@countersign/testkit';
import { startControlPlaneProcess, startSecondNode } from './control-plane.ts';
import { startEvidenceSites } from './evidence/evidence-site.ts';
import { startInProcess } from './in-process.ts';
import type { Pace } from './pace.ts';
import { startPeers } from './peers.ts';
import type { BenchmarkReport, SuiteName, SuiteResults } from './report.ts';
import { startServerProcess } from './server-process.ts';
import type { EmptyServerSettings } from './servers/empty-server.ts';
import { startSplitInstallation } from './split-installation.ts';
import { createParts, type Progress, type Run } from './starter.ts';
import { measureAppends } from './suites/appends.ts';
import { measureAuthorizationCode } from './suites/authorization-code.ts';
import { measureDecisions } from './suites/decisions.ts';
import { measureEvaluations } from './suites/evaluations.ts';
import { measureEvidenceQueries } from './suites/evidence-queries.ts';
import { measureGrowth } from './suites/growth.ts';
import { measureIntrospection } from './suites/introspection.ts';
import { measureKeysInAToken } from './suites/keys-in-a-token.ts';
import { measureLeases } from './suites/leases.ts';
import { measureLogGrowth } from './suites/log-growth.ts';
import { measureMandates } from './suites/mandates.ts';
import { measureProofs } from './suites/proofs.ts';
import { measurePublication } from './suites/publication.ts';
import { measureReconstruction, ordersToReconstruct } from './suites/reconstruction.ts';
import { measureRevocation } from './suites/revocation.ts';
import { measureSignIns } from './suites/sign-ins.ts';
import { measureSimulation } from './suites/simulation.ts';
import { measureSvids } from './suites/svids.ts';
import {
  measurePushedAuthorization,
  measureRefresh,
  measureTokenExchange,
  measureTokenIssuing,
} from './suites/token-requests.ts';
import { measureTransitions } from './suites/transitions.ts';
import { type Installation, measureWholeAndSplit } from './suites/whole-and-split.ts';
import { emptyTrading, grownTrading } from './trading/grown-trading.ts';
import { makeWorkingFolder } from './working-folder.ts';

export interface BenchmarkOptions {
  readonly only: readonly SuiteName[];
  readonly pace: Pace;
  /** Folder for CPU profiles of the control plane, in V8's format. */
  readonly profileFolder?: string | undefined;
  /** Folder in which large logs are kept for the next run, instead of being filled each time. */
  readonly keep?: string | undefined;
  /** Another built checkout of the project, whose control plane is measured for comparison. */
  readonly before?: string | undefined;
  readonly onProgress: Progress;
  /** Receives a function that aborts the run and cleans up; for signals. */
  readonly onStarted?: (abort: () => Promise<void>) => void;
}

type Measurements = { readonly [Name in SuiteName]?: () => Promise<SuiteResults[Name]> };
type Results = Partial<SuiteResults>;

interface Context extends BenchmarkOptions, Run {
  readonly wants: (...names: readonly SuiteName[]) => boolean;
  /** Runs the requested ones, in order. */
  readonly measured: (measurements: Measurements) => Promise<Results>;
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
  const { started, stop } = createParts();
  options.onStarted?.(() => stop().finally(() => folder.remove()));
  const context: Context = {
    ...options,
    folder: folder.path,
    started,
    wants: (...names) => names.some((name) => only.includes(name)),
    async measured(measurements) {
      const results: [string, unknown][] = [];
      for (const [name, measure] of Object.entries(measurements))
        if (only.some((wanted) => wanted === name)) results.push([name, await measure()]);
      // Each result is under the name of its measurement.
      return Object.fromEntries(results) as Results;
    },
  };
  try {
    const suites: Results = {};
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
      Object.assign(suites, await part(context));
      await stop();
    }
    return { at, machine, pace, warnings: warningsOf(folder.onDisk, pace), suites };
  } finally {
    await stop();
    folder.remove();
  }
}

async function measureOverHttp(run: Context): Promise<Results> {
  const { wants, measured, started, onProgress } = run;
  const compared = ['tokens', 'pushed-authorization', 'authorization-code', 'refresh', 'introspection'] as const;
  if (!wants(...compared, 'exchange', 'evaluations')) return {};
  onProgress('starting the control plane');
  const suite = { ...run, controlPlane: await started(startControlPlaneProcess(run)) };
  const results: Results = {};
  if (wants(...compared)) {
    const peers = await startPeers(suite.controlPlane.market, run);
    const beside = { ...suite, peers };
    Object.assign(
      results,
      await measured({
        tokens: () => measureTokenIssuing(beside),
        'pushed-authorization': () => measurePushedAuthorization(beside),
        'authorization-code': () => measureAuthorizationCode(beside),
        refresh: () => measureRefresh(beside),
        introspection: () => measureIntrospection(beside),
      }),
    );
  }
  const empty = (settings: EmptyServerSettings) =>
    started(startServerProcess({ name: 'empty-server', settings, onProgress }));
  const { certificatePem: certificate, privateKeyPem: key } = suite.controlPlane.mutualTls.identity;
  return Object.assign(
    results,
    await measured({
      exchange: () => measureTokenExchange(suite),
      evaluations: async () =>
        measureEvaluations({
          ...suite,
          emptyServer: await empty({}),
          emptyTlsServer: await empty({ tls: { certificate, key, clientCertificates: {} } }),
        }),
    }),
  );
}

async function measureInstallations(run: Context): Promise<Results> {
  const { wants, measured, started, before, onProgress } = run;
  if (!wants('whole-and-split')) return {};
  onProgress('starting a control plane in one process and one in four');
  const whole = await started(startControlPlaneProcess({ ...run, name: 'whole' }));
  const split = await started(startSplitInstallation(run));
  const installations: Installation[] = [
    { ...whole, name: 'one process' },
    { ...split, name: 'four processes' },
  ];
  if (before !== undefined) {
    const earlier = await started(startControlPlaneProcess({ ...run, name: 'before', checkout: before }));
    installations.push({ ...earlier, name: `before, ${before}` });
  }
  return measured({ 'whole-and-split': () => measureWholeAndSplit({ ...run, installations }) });
}

/** Requires SoftHSM; without it the suite is skipped with a message. */
async function measureToken(run: Context): Promise<Results> {
  const { wants, measured, started, onProgress } = run;
  if (!wants('keys-in-a-token')) return {};
  const softHsm = findSoftHsm();
  if (!softHsm.found) {
    onProgress(`keys in a token: skipped (${softHsm.reason})`);
    return {};
  }
  const softToken = makeSoftToken();
  await started({ stop: async () => softToken.dispose() });
  onProgress('starting a control plane with keys in software and one with keys in a token');
  const software = await started(startControlPlaneProcess({ ...run, name: 'software' }));
  const keys = { driver: 'pkcs11', pkcs11: softToken.settings };
  const token = await started(startControlPlaneProcess({ ...run, name: 'token', keys }));
  return measured({ 'keys-in-a-token': () => measureKeysInAToken({ ...run, software, token }) });
}

async function measureInProcess(run: Context): Promise<Results> {
  const { wants, measured, onProgress } = run;
  if (!wants('decisions', 'simulation', 'appends', 'publication', 'leases', 'svids')) return {};
  onProgress('starting PostgreSQL for measurements in process');
  const suite = { ...run, inProcess: await startInProcess(run) };
  return measured({
    decisions: () => measureDecisions(suite),
    simulation: () => measureSimulation(suite),
    appends: () => measureAppends(suite),
    publication: () => measurePublication(suite),
    leases: () => measureLeases(suite),
    svids: () => measureSvids(suite),
  });
}

async function measureEvidence(run: Context): Promise<Results> {
  const { wants, measured, pace } = run;
  if (!wants('proofs', 'evidence-queries')) return {};
  const suite = { ...run, sites: await startEvidenceSites({ ...run, sizes: pace.evidence.sizes }) };
  // Appends run last, so that the records that they add affect no other figure.
  const proofs = wants('proofs') ? await measureProofs(suite) : undefined;
  const queries = await measured({ 'evidence-queries': () => measureEvidenceQueries(suite) });
  return proofs === undefined ? queries : { ...queries, proofs: { ...proofs, appends: await measureLogGrowth(suite) } };
}

async function measureTrading(run: Context): Promise<Results> {
  const { wants, measured, pace, onProgress } = run;
  if (!wants('mandates', 'transitions', 'reconstruction')) return {};
  onProgress('starting PostgreSQL for mandates and transactions');
  const suite = { ...run, inProcess: await startInProcess(run) };
  const mandates = await measured({ mandates: () => measureMandates(suite) });
  if (!wants('transitions', 'reconstruction')) return mandates;
  const settled = wants('reconstruction') ? ordersToReconstruct(pace) : 0;
  const sites = [await emptyTrading(settled, suite), await grownTrading(pace.transactions, settled, suite)];
  const trading = { ...suite, sites };
  return {
    ...mandates,
    // Reconstruction comes first, while its orders are not among the newest.
    ...(await measured({
      reconstruction: () => measureReconstruction(trading),
      transitions: () => measureTransitions(trading),
    })),
  };
}

async function measurePeople(run: Context): Promise<Results> {
  if (!run.wants('sign-ins')) return {};
  run.onProgress('starting PostgreSQL for sign-ins');
  const suite = { ...run, inProcess: await startInProcess(run) };
  return run.measured({ 'sign-ins': () => measureSignIns(suite) });
}

async function measureRevocations(run: Context): Promise<Results> {
  if (!run.wants('revocation')) return {};
  run.onProgress('starting two nodes of a control plane');
  const place = { ...run, name: 'two-nodes' };
  const controlPlane = await run.started(startControlPlaneProcess(place));
  const secondNode = await run.started(startSecondNode(place));
  return run.measured({ revocation: () => measureRevocation({ ...run, controlPlane, secondNode }) });
}

function measureAsItGrows(run: Context): Promise<Results> {
  return run.measured({ growth: () => measureGrowth(run) });
}

function warningsOf(onDisk: boolean, pace: Pace): readonly string[] {
  return [
    ...(onDisk ? [] : ['the databases were in memory, without disk writes: durable figures are too good']),
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
