import { CodedError } from '@countersign/kernel';
import type { InitialisedProcesses, ProcessGroup, RenewedProcess } from '@countersign/server';
import type { Command } from 'commander';
import { dim, print } from '../output.ts';

interface RenewFlags {
  readonly in: string;
  readonly only?: string;
  readonly days: string;
}

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
      'DNS names and IP addresses of edge, core, evidence, egress, certificate-authority and secrets, the first of each for calls (default: localhost, 127.0.0.1)',
    )
    .option('--port <number>', 'the first of twelve: six for calls, five for health', '7431')
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
  processes
    .command('renew')
    .description('make new certificates for processes, by the authority of the installation; needs no control plane')
    .requiredOption('--in <folder>', 'as `processes init` has made it, with its authority')
    .option('--only <groups>', 'of these groups, with commas between (default: all that have a folder there)')
    .option('--days <number>', 'how long they are good', '365')
    .action(async ({ in: folder, only, days }: RenewFlags) => {
      const { processGroups, renewProcesses } = await import('@countersign/server');
      const groups = only?.split(',').map((name) => groupNamed(name.trim(), processGroups));
      explainRenewal(await renewProcesses({ folder, days: Number(days), ...(groups === undefined ? {} : { groups }) }));
    });
}

function groupNamed(name: string, groups: readonly ProcessGroup[]): ProcessGroup {
  const group = groups.find((candidate) => candidate === name);
  if (group !== undefined) return group;
  throw new CodedError({
    code: 'process_name_invalid',
    category: 'invalid',
    detail: `${JSON.stringify(name)} is no group of processes. There are ${groups.join(', ')}.`,
  });
}

function explainRenewal(renewed: readonly RenewedProcess[]): void {
  for (const { group, files, endedAt, endsAt } of renewed) {
    print(`${group.padEnd(9)} until ${dayOf(endsAt)} (the one before: until ${dayOf(endedAt)})`);
    for (const file of files) print(`          ${file}`);
  }
  print(
    'Copy both files of each to the machine of its process. It takes them up within ten seconds, without a restart.',
  );
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
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
