import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isCodedError } from '@countersign/kernel';
import { fullPace, quickPace } from './pace.ts';
import { formatReport, type SuiteName, suiteNames } from './report.ts';
import { runBenchmarks } from './run.ts';

const usage = `Usage: npm run bench -- [--quick] [--only ${suiteNames.join(',')}] [--profile <folder>] [--keep <folder>] [--before <checkout>]

  --quick            some minutes in all: shows that everything works, not how fast
  --only <names>     some of: ${suiteNames.join(', ')}
  --profile <folder> writes a V8 CPU profile of the control plane there
  --keep <folder>    keeps logs that take long to fill there, and uses them again
  --before <checkout> another checkout, built: whole-and-split measures its control plane as well
`;

const resultsFolder = fileURLToPath(new URL('../results/', import.meta.url));
let aborting = false;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const asked = readArguments(argv);
  if (typeof asked === 'string') {
    process.stderr.write(`${asked}\n\n${usage}`);
    return 2;
  }
  const began = performance.now();
  const onProgress = (message: string): void =>
    void process.stderr.write(`[${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s] ${message}\n`);
  try {
    const report = await runBenchmarks({ ...asked, onProgress, onStarted: abortOnSignals });
    // A quick run's figures must not be taken for the latest real ones.
    const resultsFile = join(resultsFolder, asked.pace === quickPace ? 'quick.json' : 'latest.json');
    mkdirSync(resultsFolder, { recursive: true });
    writeFileSync(resultsFile, `${JSON.stringify(report, undefined, 2)}\n`);
    process.stdout.write(`\n${formatReport(report)}`);
    onProgress(`done; every round is in ${resultsFile}`);
    return 0;
  } catch (error) {
    // Work in progress fails after a signal.
    if (aborting) return 130;
    process.stderr.write(
      `\nThe benchmark ended without a result. ${isCodedError(error) ? error.detail : explain(error)}\n`,
    );
    return 1;
  }
}

/**
 * Ctrl-C stops all processes and removes all data. A second Ctrl-C exits at once. Under npm one Ctrl-C arrives twice, from
 * the terminal and from npm.
 */
function abortOnSignals(abort: () => Promise<void>): void {
  let firstAt = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (aborting && performance.now() - firstAt > 1000) process.exit(130);
      if (aborting) return;
      aborting = true;
      firstAt = performance.now();
      process.stderr.write('\nStopping.\n');
      void abort().finally(() => process.exit(130));
    });
}

function readArguments(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        profile: { type: 'string' },
        keep: { type: 'string' },
        before: { type: 'string' },
      },
    });
    const only = values.only?.split(',') ?? [...suiteNames];
    const unknown = only.find((name) => !isSuiteName(name));
    if (unknown !== undefined) return `There is no suite named ${unknown}.`;
    return {
      only: only.filter(isSuiteName),
      pace: values.quick === true ? quickPace : fullPace,
      ...(values.profile === undefined ? {} : { profileFolder: resolve(values.profile) }),
      ...(values.keep === undefined ? {} : { keep: resolve(values.keep) }),
      ...(values.before === undefined ? {} : { before: resolve(values.before) }),
    };
  } catch (error) {
    return error instanceof Error ? error.message : 'The arguments cannot be read.';
  }
}

function isSuiteName(text: string): text is SuiteName {
  return suiteNames.some((name) => name === text);
}

function explain(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
