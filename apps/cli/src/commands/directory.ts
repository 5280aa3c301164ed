import type { Command } from 'commander';
import { type ConnectionOptions, connect, readJson } from '../connection.ts';
import { dim, green, print, red, yellow } from '../output.ts';

interface ChangeLine {
  readonly change: 'add' | 'change' | 'remove';
  readonly kind: string;
  readonly id: string;
  readonly fields?: readonly string[];
}

export function directoryCommands(program: Command, options: () => ConnectionOptions): void {
  const directory = program.command('directory').description('institutions, people, agents, clients, accounts, venues');
  directory
    .command('plan <file>')
    .description('show what a file would change')
    .option('--prune', 'also show what would be removed', false)
    .action(async (file: string, { prune }: { prune: boolean }) => send('plan', file, prune, options()));
  directory
    .command('apply <file>')
    .description('make a file the truth about the institutions it names; all or nothing')
    .option('--prune', 'remove what these institutions have and the file does not', false)
    .action(async (file: string, { prune }: { prune: boolean }) => send('apply', file, prune, options()));
}

async function send(what: 'plan' | 'apply', file: string, prune: boolean, options: ConnectionOptions): Promise<void> {
  const { issuer, client, token } = connect(options);
  const answer = await client.callOrThrow(await token('directory', 'directory:apply'), {
    method: 'POST',
    url: `${issuer}/directory/${what}${prune ? '?prune=true' : ''}`,
    body: readJson(file, 'Name a directory file.'),
  });
  const { changes, version } = answer as { changes: readonly ChangeLine[]; version?: number };
  for (const line of changes) print(describe(line));
  const done = what === 'plan' ? 'would change' : 'changed';
  print(
    dim(
      changes.length === 0
        ? 'nothing differs'
        : `${changes.length} ${done}${version === undefined ? '' : `; directory version ${version}`}`,
    ),
  );
}

function describe({ change, kind, id, fields }: ChangeLine): string {
  const sign = change === 'add' ? green('+') : change === 'remove' ? red('-') : yellow('~');
  return `${sign} ${kind.padEnd(12)} ${id}${fields === undefined ? '' : dim(`  ${fields.join(', ')}`)}`;
}
