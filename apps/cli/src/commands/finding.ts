import type { Command } from 'commander';
import { readBody } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { record } from '../directory-door.ts';

export function findingCommands(program: Command, options: () => ConnectionOptions): void {
  const finding = program.command('finding').description('compliance findings about institutions');
  finding
    .command('record <file>')
    .description('record it: what is better than before waits for a second person (another --client, --key)')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (path: string, { reason }: { reason: string }) => {
      const findings = readBody(path, 'Name a list of { "institution": LEI, "compliance": { ... } or null }.');
      await record(connect(options()), 'findings', findings, reason);
    });
}
