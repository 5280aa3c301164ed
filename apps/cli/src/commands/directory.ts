import type { Command } from 'commander';
import { type ConnectionOptions, connect, readJson } from '../connection.ts';
import { call, makeOrPropose, printChanged } from '../directory-door.ts';

export function directoryCommands(program: Command, options: () => ConnectionOptions): void {
  const directory = program.command('directory').description('institutions, people, agents, clients, accounts, venues');
  directory
    .command('plan <file>')
    .description('show what a file would change')
    .option('--prune', 'also show what would be removed', false)
    .action(async (path: string, { prune }: { prune: boolean }) => {
      const file = readJson(path, 'Name a directory file.');
      const answer = await call(connect(options()), 'POST', `plan${queryOf(prune)}`, 'directory:apply', file);
      const { changes } = answer as { changes: unknown };
      printChanged({ changes }, 'would change');
    });
  directory
    .command('apply <file>')
    .description('make a file the truth about the institutions it names; all or nothing')
    .option('--prune', 'remove what these institutions have and the file does not', false)
    .option('--propose <reason>', 'ask for it instead: what touches a production client takes a second person')
    .action(async (path: string, { prune, propose }: { prune: boolean; propose?: string }) => {
      const file = readJson(path, 'Name a directory file.');
      const connection = connect(options());
      await makeOrPropose(connection, {
        make: () => call(connection, 'POST', `apply${queryOf(prune)}`, 'directory:apply', file),
        proposal: { file, prune },
        reason: propose,
      });
    });
}

function queryOf(prune: boolean): string {
  return prune ? '?prune=true' : '';
}
