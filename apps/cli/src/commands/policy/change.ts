import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../../connection.ts';
import { bold, dim, exitCodes, green, print, progressLine, yellow } from '../../output.ts';
import {
  type CandidateView,
  call,
  describeCandidate,
  describeVersion,
  type VersionView,
  type VersionWithBundle,
} from './door.ts';
import { printComparison, printTests } from './draw-bundle.ts';
import { drawSimulation } from './draw-simulation.ts';
import { loadFolder, printLoaded, sideOf, sideOfBundle, testFolder, withProblems } from './folder.ts';
import { progressBar } from './progress-bar.ts';
import { runSimulation, type SimulationRange, type SimulationView } from './simulation.ts';

interface Why {
  readonly changeRequest: string;
  readonly reason: string;
}

/** How the policies change: `diff`, `publish`, `candidates`, `candidate`, `approve`, `reject`, `rollback`. */
export function policyChangeCommands(policy: Command, options: () => ConnectionOptions): void {
  policy
    .command('diff [folder]')
    .description('what the policies of a folder would change of those that are active')
    .option('--version <number>', 'compare with this version instead')
    .action(async (folder: string | undefined, { version }: { readonly version?: string }) => {
      const loaded = await loadFolder(folder).catch(withProblems);
      const path = `/${version === undefined ? 'active' : encodeURIComponent(version)}`;
      const known = (await call(connect(options()), 'GET', path)) as VersionWithBundle;
      print(dim(`from version ${known.version.version} to ${folder ?? 'the policies of this release'}`));
      printComparison({ bundle: known.bundle, policies: known.version.policies }, sideOf(loaded));
    });
  publishCommand(policy, options);
  policy
    .command('candidates')
    .description('proposed policies: the newest hundred, newest first')
    .option('--status <status>', 'proposed, approved, rejected or expired')
    .action(async ({ status }: { readonly status?: string }) => {
      const query = status === undefined ? '' : `?status=${encodeURIComponent(status)}`;
      const { candidates } = (await call(connect(options()), 'GET', `/candidates${query}`)) as {
        candidates: readonly CandidateView[];
      };
      for (const candidate of candidates) print(describeCandidate(candidate));
      if (candidates.length === 0) print(dim('none'));
    });
  candidateCommand(policy, options);
  policy
    .command('approve <id>')
    .description('put proposed policies into force, as somebody else than who proposed them (another --client, --key)')
    .requiredOption('--digest <digest>', 'the digest that `policy candidate` printed: nothing else is approved')
    .action(async (id: string, { digest }: { readonly digest: string }) => {
      const path = `/candidates/${encodeURIComponent(id)}/approve`;
      const version = (await call(connect(options()), 'POST', path, 'policy:approve', { digest })) as VersionView;
      print(`${describeVersion(version)}  ${green('active')}`);
    });
  policy
    .command('reject <id>')
    .description('end a proposal without effect')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const path = `/candidates/${encodeURIComponent(id)}/reject`;
      print(
        describeCandidate(
          (await call(connect(options()), 'POST', path, 'policy:approve', { reason })) as CandidateView,
        ),
      );
    });
  policy
    .command('rollback')
    .description('one step back, at once: what was active before comes into force again')
    .requiredOption('--change-request <id>', 'the ticket under which this is done')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (why: Why) => {
      const version = (await call(connect(options()), 'POST', '/rollback', 'policy:rollback', why)) as VersionView;
      print(`${describeVersion(version)}  ${green('active')}`);
    });
}

function publishCommand(policy: Command, options: () => ConnectionOptions): void {
  policy
    .command('publish [folder]')
    .description('validate, test and simulate the policies of a folder, and propose them to a second person')
    .requiredOption('--change-request <id>', 'the ticket under which this is done')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--from <time>', 'simulate over decisions from this moment on (RFC 3339)')
    .option('--until <time>', 'simulate over decisions before this moment')
    .action(async (folder: string | undefined, { changeRequest, reason, ...range }: Why & SimulationRange) => {
      const loaded = await loadFolder(folder).catch(withProblems);
      printLoaded(loaded);
      const tests = await testFolder(loaded);
      printTests(tests);
      if (tests.failed > 0) {
        process.exitCode = exitCodes.refused;
        return;
      }
      const connection = connect(options());
      const line = progressLine();
      let last = '';
      const report = await runSimulation(connection, loaded.bundle, range, (progress) => {
        last = progressBar(progress, 'records');
        line.update(last);
      });
      line.end(dim(last));
      for (const text of drawSimulation(report)) print(text);
      const body = { bundle: loaded.bundle, changeRequest, reason, simulation: report.id };
      const candidate = (await call(connection, 'POST', '/candidates', 'policy:propose', body)) as CandidateView;
      print();
      print(`${bold(candidate.id)}  ${yellow('waits for a second person')}  ${dim(`until ${candidate.expiresAt}`)}`);
      print(dim(`They look at it with \`countersign policy candidate ${candidate.id}\` and approve it with`));
      print(dim(`\`countersign policy approve ${candidate.id} --digest ${candidate.digest}\`.`));
    });
}

function candidateCommand(policy: Command, options: () => ConnectionOptions): void {
  policy
    .command('candidate <id>')
    .description('what a proposal would change, and what its tests and its simulation found')
    .action(async (id: string) => {
      const connection = connect(options());
      const { candidate, bundle } = (await call(connection, 'GET', `/candidates/${encodeURIComponent(id)}`)) as {
        candidate: CandidateView;
        bundle: VersionWithBundle['bundle'];
      };
      const active = (await call(connection, 'GET', '/active')) as VersionWithBundle;
      print(describeCandidate(candidate));
      print(dim(`digest ${candidate.digest}, expires ${candidate.expiresAt}`));
      const { tests, simulation } = candidate;
      print(
        `${tests.passed} tests passed, policies untested: ${tests.untested.length === 0 ? 'none' : tests.untested.join(', ')}`,
      );
      print(`${simulation.flips} of ${simulation.decisions} decisions come out otherwise  ${dim(simulation.id)}`);
      const path = `/simulations/${encodeURIComponent(simulation.id)}`;
      const report = (await call(connection, 'GET', path)) as SimulationView;
      for (const line of drawSimulation(report).slice(1)) print(line);
      print();
      print(dim(`from version ${active.version.version}`));
      printComparison({ bundle: active.bundle, policies: active.version.policies }, await sideOfBundle(bundle));
      if (candidate.status !== 'proposed') return;
      print(
        candidate.baseVersion === active.version.version
          ? `Approve it as somebody else: countersign policy approve ${candidate.id} --digest ${candidate.digest}`
          : yellow(
              `Version ${active.version.version} came in between: it can no longer be approved. Publish it again.`,
            ),
      );
    });
}
