import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, exitCodes, print, printBeside, printJson } from '../output.ts';
import { visible } from '../visible.ts';
import { testsAnswer, testsPass, validationAnswer } from './policy/build-answers.ts';
import { policyChangeCommands } from './policy/change.ts';
import { call, describeVersion, policiesOf } from './policy/door.ts';
import { noTests, printTests } from './policy/draw-bundle.ts';
import {
  analyseFolder,
  loadPolicyFolder,
  printFindings,
  printLoaded,
  testFolder,
  withProblems,
  withProblemsAsJson,
} from './policy/folder.ts';
import { policyHistoryCommands } from './policy/history.ts';
import { policyMatrixCommand } from './policy/matrix.ts';
import { jsonOption, readFolder, readVersion } from './policy/options.ts';
import { writeBundleFolder } from './policy/write-folder.ts';

interface ShowFlags {
  readonly version?: string;
  readonly policy?: string;
  readonly json?: true;
}

export function policyCommands(program: Command, options: () => ConnectionOptions): void {
  const policy = program.command('policy').description('the rules decisions are made by');
  policy
    .command('validate')
    .argument('[folder]', 'the shipped ones when none is named', readFolder)
    .description(
      'parse, validate against the schema, and compile the policies of a folder, and say what they would be: the market, or the model of an application; the shipped ones when none is named',
    )
    .option(...jsonOption('what it holds, or every problem with its place'))
    .action(async (folder: string | undefined, { json }: { readonly json?: true }) => {
      if (json === true) {
        const read = await loadPolicyFolder(folder).catch(withProblemsAsJson);
        const findings = await analyseFolder(read);
        const answer = validationAnswer(read, findings);
        printJson(answer);
        if (!answer.ok) process.exitCode = exitCodes.refused;
        return;
      }
      const read = await loadPolicyFolder(folder).catch(withProblems);
      printLoaded(read);
      if (printFindings(await analyseFolder(read))) process.exitCode = exitCodes.refused;
      for (const { id, effect } of read.loaded.parsed.policies) print(`  ${effect.padEnd(6)} ${id}`);
    });
  policy
    .command('test')
    .argument('[folder]', 'the shipped ones when none is named', readFolder)
    .description('run the tests of a folder; of the shipped policies when none is named')
    .option('--all', 'also show the tests that pass', false)
    .option(...jsonOption('every test and the totals, or every problem with its place'))
    .action(async (folder: string | undefined, { all, json }: { readonly all: boolean; readonly json?: true }) => {
      const { loaded } = await loadPolicyFolder(folder).catch(json === true ? withProblemsAsJson : withProblems);
      const report = await testFolder(loaded);
      if (json === true) {
        printJson(testsAnswer(loaded, report));
        if (report.passed + report.failed === 0) printBeside(noTests);
      } else printTests(report, all);
      if (!testsPass(report)) process.exitCode = exitCodes.refused;
    });
  policy
    .command('show')
    .description('the active version of a running control plane')
    .option('--version <number>', 'another version', readVersion)
    .option('--policy <id>', 'only this policy')
    .option(...jsonOption('the version with its policies'))
    .action(async ({ version: number, policy: id, json }: ShowFlags) => {
      const { version } = await policiesOf(connect(options()), number);
      const shown = version.policies.filter((policy) => id === undefined || policy.id === id);
      if (shown.length === 0)
        throw new CodedError({
          code: 'policy_not_found',
          category: 'not-found',
          detail: `Version ${version.version} has no policy ${id}. Without --policy all of them are shown.`,
        });
      if (json === true) {
        printJson({ ...version, policies: shown });
        return;
      }
      print(describeVersion(version));
      print(dim(`recorded as ${version.recordId}`));
      for (const { text } of shown) print(`\n${text.split('\n').map(visible).join('\n')}`);
    });
  policy
    .command('versions')
    .description('what is and was active: the newest hundred, newest first')
    .option(...jsonOption('the whole answer'))
    .action(async ({ json }: { readonly json?: true }) => {
      const answer = await call(connect(options()), 'GET /policies', { scope: 'policy:read' });
      if (json === true) printJson(answer);
      else for (const version of answer.versions) print(describeVersion(version));
    });
  policy
    .command('export')
    .argument('<folder>', 'an empty one or a new one', readFolder)
    .description('write the active version into an empty folder, to work on it')
    .option('--version <number>', 'another version', readVersion)
    .action(async (folder: string, { version: number }: { readonly version?: string }) => {
      const { version, bundle } = await policiesOf(connect(options()), number);
      writeBundleFolder(folder, bundle);
      print(`version ${version.version} in ${folder}  ${dim(version.hash)}`);
    });
  policyMatrixCommand(policy);
  policyChangeCommands(policy, options);
  policyHistoryCommands(policy, options);
}
