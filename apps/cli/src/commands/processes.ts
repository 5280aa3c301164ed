import { CodedError } from '@countersign/kernel';
import type { InitialisedProcesses, ProcessGroup } from '@countersign/server';
import type { Command } from 'commander';
import { dim, print } from '../output.ts';

interface InitFlags {
  readonly config: string;
  readonly out: string;
  readonly at?: string;
  readonly host?: readonly string[];
  readonly port: string;
}

export function processesCommands(program: Command): void {
  const processes = program
    .command('processes')
    .description('one process for each security context, on machines of their own');
  processes
    .command('init')
    .description('make what each process holds: certificate, keys of its group, configuration; needs no control plane')
    .requiredOption('--config <file>', "the installation's configuration")
    .requiredOption('--out <folder>', 'made, or empty; nothing is overwritten')
    .option('--at <folder>', 'where that folder will be on the machines of the processes (default: where it is made)')
    .option(
      '--host <group=name...>',
      'DNS names and IP addresses of edge, core, evidence and egress, the first of each for calls (default: localhost, 127.0.0.1)',
    )
    .option('--port <number>', 'the first of eight: four for calls, three for health', '7431')
    .action(async ({ config, out, at, host = [], port }: InitFlags) => {
      const { initProcesses, processGroups } = await import('@countersign/server');
      explain(
        await initProcesses({
          configurationFile: config,
          folder: out,
          names: namesIn(host, processGroups),
          firstPort: Number(port),
          ...(at === undefined ? {} : { installedAt: at }),
        }),
      );
    });
}

function namesIn(
  pairs: readonly string[],
  groups: readonly ProcessGroup[],
): Partial<Readonly<Record<ProcessGroup, readonly string[]>>> {
  const names: Partial<Record<ProcessGroup, string[]>> = {};
  for (const pair of pairs) {
    const [, before, name] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    const group = groups.find((candidate) => candidate === before);
    if (group === undefined || name === undefined)
      throw new CodedError({
        code: 'process_name_invalid',
        category: 'invalid',
        detail: `${JSON.stringify(pair)} names no process. Write GROUP=NAME, with one of ${groups.join(', ')}.`,
      });
    const its = names[group] ?? [];
    its.push(name);
    names[group] = its;
  }
  return names;
}

function explain({ processes, authorityKeyFile, keepOffline }: InitialisedProcesses): void {
  print('Copy each folder to the machine of its process, readable by its account alone, and to no other:');
  for (const { group, folder, configurationFile, alsoReads } of processes) {
    print(`  ${group.padEnd(9)} ${folder}`);
    print(`            countersign start --config ${configurationFile}`);
    if (alsoReads.length > 0) print(dim(`            also reads ${alsoReads.join(', ')}`));
  }
  print('Take off these machines, and keep offline; no process needs them:');
  print(`  ${authorityKeyFile}   (makes certificates of processes)`);
  for (const reference of keepOffline) print(`  ${reference}`);
  print('Before the first start, and with each release:');
  print("  countersign migrate --config FILE   (the installation's configuration)");
}
