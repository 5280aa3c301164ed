import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { askingCommands } from './mandate/asking.ts';
import { readingCommands } from './mandate/reading.ts';
import { stepCommands } from './mandate/steps.ts';
import { versionCommands } from './mandate/versions.ts';

export function mandateCommands(program: Command, options: () => ConnectionOptions): void {
  const mandate = program
    .command('mandate')
    .description('mandates of the institution whose client key is used (--client, --key)');
  for (const add of [readingCommands, versionCommands, stepCommands, askingCommands])
    add(mandate, () => connect(options()));
}
