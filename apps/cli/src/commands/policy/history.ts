import type { Command } from 'commander';
import type { Answer } from '../../api.ts';
import { type ConnectionOptions, connect } from '../../connection.ts';
import { bold, exitCodes, green, print, printBeside, printJson, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';
import { activePolicies, call } from './door.ts';
import { drawDecision, drawExplanation } from './draw-explanation.ts';
import { drawSimulation } from './draw-simulation.ts';
import { inForceWith, readFolderContent, withProblems } from './folder.ts';
import { jsonOption, readDesk, readFolder, readId, readTime } from './options.ts';
import { simulateShowingProgress } from './show-progress.ts';
import type { SimulationRange } from './simulation.ts';

/** Re-evaluation of past decisions: `simulate`, `replay` and `explain` of `countersign policy`. */
export function policyHistoryCommands(policy: Command, options: () => ConnectionOptions): void {
  policy
    .command('simulate')
    .argument('[folder]', 'the shipped ones when none is named', readFolder)
    .description('run the policies of a folder over recorded decisions, and show which would come out otherwise')
    .option('--from <time>', 'decisions from this moment on (RFC 3339)', readTime)
    .option('--until <time>', 'decisions before this moment; now when left out', readTime)
    .option('--action <action>', 'only this action, e.g. order:create')
    .option('--principal <id>', 'only of this principal')
    .option('--institution <lei>', 'only of principals of this institution')
    .option('--desk <desk>', 'only of principals of this desk, with its institution before it: LEI/name', readDesk)
    .option(...jsonOption('the whole report'))
    .action(async (folder: string | undefined, { json, ...range }: SimulationRange & { readonly json?: true }) => {
      // With `--json`, stdout holds only the report.
      const problemsTo = json === true ? printBeside : print;
      const content = await readFolderContent(folder).catch((error: unknown) => withProblems(error, problemsTo));
      const connection = connect(options());
      const active = await activePolicies(connection);
      const bundle = inForceWith(content, active.bundle);
      const report = await simulateShowingProgress(connection, bundle, range).catch((error: unknown) =>
        withProblems(error, problemsTo),
      );
      if (json === true) printJson(report);
      else for (const text of drawSimulation(report)) print(text);
    });
  policy
    .command('replay')
    .argument('<record>', 'its id; `countersign log show` lists records', readId)
    .description('make a recorded decision again from what was recorded, and compare')
    .option(...jsonOption('the whole answer'))
    .action(async (record: string, { json }: { readonly json?: true }) => {
      const inputs = { scope: 'policy:read', body: { record } } as const;
      const answer = await call(connect(options()), 'POST /policies/replay', inputs);
      if (json === true) printJson(answer);
      else printReplay(answer);
      if (answer.outcome !== 'identical') process.exitCode = exitCodes.unverified;
    });
  policy
    .command('explain')
    .argument('<record>', 'its id; `countersign log show` lists records', readId)
    .description(
      'take a recorded decision apart: the policies that spoke, what they found, and the limits that were reached',
    )
    .option(...jsonOption('the whole answer, with the entities that could be read'))
    .action(async (record: string, { json }: { readonly json?: true }) => {
      const inputs = { scope: 'policy:read', params: { record } } as const;
      const answer = await call(connect(options()), 'GET /policies/decisions/{record}', inputs);
      if (json === true) printJson(answer);
      else for (const text of drawExplanation(answer)) print(text);
    });
}

function printReplay(answer: Answer<'POST /policies/replay'>): void {
  for (const text of drawDecision(answer.recorded)) print(text);
  switch (answer.outcome) {
    case 'identical':
      print(`${green('identical')}  decision, reasons and input digest come out as they were recorded`);
      return;
    case 'different':
      print(`${red('different')}`);
      for (const { field, recorded, replayed } of answer.differences) {
        print(`  ${bold(field)}`);
        print(`    recorded ${visible(JSON.stringify(recorded))}`);
        print(`    replayed ${visible(JSON.stringify(replayed))}`);
      }
      return;
    case 'missing':
      print(`${yellow('missing')}  it cannot be made again without`);
      for (const missing of answer.missing) print(`  ${visible(missing)}`);
      return;
    default:
      answer satisfies never;
  }
}
