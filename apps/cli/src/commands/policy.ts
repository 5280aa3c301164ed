import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, exitCodes, print } from '../output.ts';
import { policyChangeCommands } from './policy/change.ts';
import { call, describeVersion, type VersionView, type VersionWithBundle } from './policy/door.ts';
import { printTests } from './policy/draw-bundle.ts';
import { loadFolder, printLoaded, testFolder, withProblems } from './policy/folder.ts';
import { policyHistoryCommands } from './policy/history.ts';
import { visible } from './policy/visible.ts';
import { writeBundleFolder } from './policy/write-folder.ts';

export function policyCommands(program: Command, options: () => ConnectionOptions): void {
  const policy = program.command('policy').description('the rules decisions are made by');
  policy
    .command('validate [folder]')
    .description(
      'parse, validate against the schema, and compile the policies of a folder; the shipped ones when none is named',
    )
    .action(async (folder: string | undefined) => {
      const loaded = await loadFolder(folder).catch(withProblems);
      printLoaded(loaded);
      for (const { id, effect } of loaded.parsed.policies) print(`  ${effect.padEnd(6)} ${id}`);
    });
  policy
    .command('test [folder]')
    .description('run the tests of a folder; of the shipped policies when none is named')
    .option('--all', 'also show the tests that pass', false)
    .action(async (folder: string | undefined, { all }: { readonly all: boolean }) => {
      const report = await testFolder(await loadFolder(folder).catch(withProblems));
      printTests(report, all);
      if (report.failed > 0) process.exitCode = exitCodes.refused;
    });
  policy
    .command('show')
    .description('the active version of a running control plane')
    .option('--version <number>', 'another version')
    .option('--policy <id>', 'only this policy')
    .action(async ({ version: number, policy: id }: { readonly version?: string; readonly policy?: string }) => {
      const path = `/${number === undefined ? 'active' : encodeURIComponent(number)}`;
      const { version } = (await call(connect(options()), 'GET', path)) as VersionWithBundle;
      print(describeVersion(version));
      print(dim(`recorded as ${version.recordId}`));
      for (const { id: of, text } of version.policies)
        if (id === undefined || id === of) print(`\n${text.split('\n').map(visible).join('\n')}`);
    });
  policy
    .command('versions')
    .description('what is and was active: the newest hundred, newest first')
    .action(async () => {
      const { versions } = (await call(connect(options()), 'GET', '')) as { versions: readonly VersionView[] };
      for (const version of versions) print(describeVersion(version));
    });
  policy
    .command('export <folder>')
    .description('write the active version into an empty folder, to work on it')
    .option('--version <number>', 'another version')
    .action(async (folder: string, { version: number }: { readonly version?: string }) => {
      const path = `/${number === undefined ? 'active' : encodeURIComponent(number)}`;
      const { version, bundle } = (await call(connect(options()), 'GET', path)) as VersionWithBundle;
      writeBundleFolder(folder, bundle);
      print(`version ${version.version} in ${folder}  ${dim(version.hash)}`);
    });
  policyChangeCommands(policy, options);
  policyHistoryCommands(policy, options);
}
