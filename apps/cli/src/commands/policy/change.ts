import { CodedError } from '@countersign/kernel';
import { type Command, Option } from 'commander';
import { type Connection, type ConnectionOptions, connect } from '../../connection.ts';
import { bold, dim, exitCodes, green, print, printBeside, printJson, yellow } from '../../output.ts';
import { candidatesAnswer, comparisonAnswer, testsPass } from './build-answers.ts';
import { type Bundle, sideOfVersion } from './compare-bundles.ts';
import {
  activePolicies,
  call,
  describeCandidate,
  describeFound,
  describeVersion,
  isOutdated,
  policiesOf,
  requireScope,
  type VersionWithBundle,
} from './door.ts';
import { printComparison, printTests } from './draw-bundle.ts';
import { drawSimulation } from './draw-simulation.ts';
import {
  analyseFolder,
  inForceWith,
  loadPolicyFolder,
  loadWhole,
  printFindings,
  printLoaded,
  sideOf,
  sideOfBundle,
  testFolder,
  withProblems,
} from './folder.ts';
import {
  candidateStatuses,
  jsonOption,
  readDigest,
  readFolder,
  readId,
  readReason,
  readTime,
  readVersion,
  withTicketAndReason,
} from './options.ts';
import { simulateShowingProgress } from './show-progress.ts';
import type { SimulationRange } from './simulation.ts';

interface DiffFlags {
  readonly version?: string;
  readonly json?: true;
}

/** The reason for a proposal. */
export interface Why {
  readonly changeRequest: string;
  readonly reason: string;
}

/** Commands that change policies: `diff`, `publish`, `candidates`, `candidate`, `approve`, `reject`, `rollback`. */
export function policyChangeCommands(policy: Command, options: () => ConnectionOptions): void {
  policy
    .command('diff')
    .argument('[folder]', 'the shipped ones when none is named', readFolder)
    .description('what the policies of a folder would change of those that are active')
    .option('--version <number>', 'compare with this version instead', readVersion)
    .option(...jsonOption('each difference and the totals'))
    .action(async (folder: string | undefined, { version, json }: DiffFlags) => {
      const problemsTo = json === true ? printBeside : print;
      const { content } = await loadPolicyFolder(folder).catch((error: unknown) => withProblems(error, problemsTo));
      const known = await policiesOf(connect(options()), version);
      const loaded = await loadWhole(inForceWith(content, known.bundle)).catch((error: unknown) =>
        withProblems(error, problemsTo),
      );
      if (json === true) {
        printJson(comparisonAnswer(known, loaded.hash, sideOf(loaded)));
        return;
      }
      print(dim(`from version ${known.version.version} to ${folder ?? 'the policies of this release'}`));
      printComparison(sideOfVersion(known), sideOf(loaded));
    });
  publishCommand(policy, options);
  policy
    .command('candidates')
    .description('proposed policies: the newest hundred, newest first')
    .addOption(new Option('--status <status>', 'only these').choices(candidateStatuses))
    .option(...jsonOption('the whole answer, with whether each is outdated'))
    .action(async ({ status, json }: { readonly status?: string; readonly json?: true }) => {
      const connection = connect(options());
      // Read before the list, so that a proposal made in between is not shown as outdated.
      const newest = await newestVersion(connection);
      const inputs = { scope: 'policy:read', query: { status } } as const;
      const { candidates } = await call(connection, 'GET /policies/candidates', inputs);
      if (json === true) {
        printJson(candidatesAnswer(candidates, newest));
        return;
      }
      for (const candidate of candidates) print(describeCandidate(candidate, isOutdated(candidate, newest)));
      if (candidates.length === 0) print(dim('none'));
    });
  candidateCommand(policy, options);
  policy
    .command('approve')
    .argument('<id>', '`countersign policy candidates` lists them', readId)
    .description('put proposed policies into force, as a person other than the proposer (another --client, --key)')
    .requiredOption(
      '--digest <digest>',
      'the digest that `policy candidate` printed: nothing else is approved',
      readDigest,
    )
    .action(async (id: string, { digest }: { readonly digest: string }) => {
      const inputs = { scope: 'policy:approve', params: { id }, body: { digest } } as const;
      const version = await call(connect(options()), 'POST /policies/candidates/{id}/approve', inputs);
      print(`${describeVersion(version)}  ${green('active')}`);
    });
  policy
    .command('reject')
    .argument('<id>', '`countersign policy candidates` lists them', readId)
    .description('end a proposal without effect')
    .requiredOption('--reason <text>', 'why; it is recorded', readReason)
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'policy:approve', params: { id }, body: { reason } } as const;
      print(describeCandidate(await call(connect(options()), 'POST /policies/candidates/{id}/reject', inputs)));
    });
  withTicketAndReason(
    policy.command('rollback').description('one step back, at once: what was active before comes into force again'),
  ).action(async (why: Why) => {
    const inputs = { scope: 'policy:rollback', body: why } as const;
    const version = await call(connect(options()), 'POST /policies/rollback', inputs);
    print(`${describeVersion(version)}  ${green('active')}`);
  });
}

/** A proposal can be approved only while the version that it is based on is the newest. */
async function newestVersion(connection: Connection): Promise<number> {
  const { versions } = await call(connection, 'GET /policies', { scope: 'policy:read' });
  return versions[0]?.version ?? 0;
}

function publishCommand(policy: Command, options: () => ConnectionOptions): void {
  withTicketAndReason(
    policy
      .command('publish')
      .argument('[folder]', 'the shipped ones when none is named', readFolder)
      .description('validate, test and simulate the policies of a folder, and propose them to a second person'),
  )
    .option('--from <time>', 'simulate over decisions from this moment on (RFC 3339)', readTime)
    .option('--until <time>', 'simulate over decisions before this moment', readTime)
    .action((folder: string | undefined, flags: Why & SimulationRange) => publishFolder(folder, flags, options));
}

/** Validates and tests a folder, simulates it with everything in force, and proposes it for a second person's approval. */
export async function publishFolder(
  folder: string | undefined,
  flags: Why & SimulationRange,
  options: () => ConnectionOptions,
): Promise<void> {
  const read = await loadPolicyFolder(folder).catch(withProblems);
  printLoaded(read);
  const tests = await testFolder(read.loaded);
  const isWrong = printFindings(await analyseFolder(read));
  if (!isWrong) printTests(tests);
  if (isWrong || !testsPass(tests)) {
    process.exitCode = exitCodes.refused;
    return;
  }
  const connection = connect(options());
  // Fails before the simulation, which may take long, if the caller may not propose.
  await requireScope(connection, 'policy:propose');
  const active = await activePolicies(connection);
  const kept = active.bundle.applications ?? [];
  if (read.content.kind === 'market' && read.content.bundle.applications === undefined && kept.length > 0)
    print(dim(`the models of ${kept.map(({ namespace }) => namespace).join(', ')} stay as they are`));
  await proposeBundle(connection, { active, bundle: inForceWith(read.content, active.bundle) }, flags);
}

/** Simulates a whole bundle against the active one, and proposes it. */
export async function proposeBundle(
  connection: Connection,
  { active: { version: active }, bundle }: { readonly active: VersionWithBundle; readonly bundle: Bundle },
  { changeRequest, reason, ...range }: Why & SimulationRange,
): Promise<void> {
  const loaded = await loadWhole(bundle).catch(withProblems);
  if (active.hash === loaded.hash)
    throw new CodedError({
      code: 'policy_unchanged',
      category: 'conflict',
      detail: `Version ${active.version} has the same policies, so there is nothing to publish. Tests alone change no decision.`,
    });
  const report = await simulateShowingProgress(connection, bundle, range);
  for (const text of drawSimulation(report)) print(text);
  const body = { bundle, changeRequest, reason, simulation: report.id };
  const candidate = await call(connection, 'POST /policies/candidates', { scope: 'policy:propose', body });
  print();
  print(`${bold(candidate.id)}  ${yellow('waits for a second person')}  ${dim(`until ${candidate.expiresAt}`)}`);
  print(dim(`They look at it with \`countersign policy candidate ${candidate.id}\` and approve it with`));
  print(dim(`\`countersign policy approve ${candidate.id} --digest ${candidate.digest}\`.`));
}

function candidateCommand(policy: Command, options: () => ConnectionOptions): void {
  policy
    .command('candidate')
    .argument('<id>', '`countersign policy candidates` lists them', readId)
    .description('what a proposal would change, and what its tests and its simulation found')
    .action(async (id: string) => {
      const connection = connect(options());
      const inputs = { scope: 'policy:read', params: { id } } as const;
      const { candidate, bundle } = await call(connection, 'GET /policies/candidates/{id}', inputs);
      const active = await activePolicies(connection);
      const outdated = isOutdated(candidate, active.version.version);
      print(describeCandidate(candidate, outdated));
      print(dim(`digest ${candidate.digest}, expires ${candidate.expiresAt}`));
      const { tests, simulation } = candidate;
      print(
        `${tests.passed} tests passed, policies untested: ${tests.untested.length === 0 ? 'none' : tests.untested.join(', ')}`,
      );
      print(describeFound(candidate));
      const report = await call(connection, 'GET /policies/simulations/{id}', {
        scope: 'policy:read',
        params: { id: simulation.id },
      });
      for (const line of drawSimulation(report).slice(1)) print(line);
      print();
      print(dim(`from version ${active.version.version}`));
      printComparison(sideOfVersion(active), await sideOfBundle(bundle));
      if (candidate.status !== 'proposed') return;
      print(
        outdated
          ? yellow(`Version ${active.version.version} came in between: it can no longer be approved. Publish it again.`)
          : `Approve it as another person: countersign policy approve ${candidate.id} --digest ${candidate.digest}`,
      );
    });
}
