import type { Command } from 'commander';
import { readBody, request, type Schemas } from '../api.ts';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { makeOrPropose } from '../directory-door.ts';
import { dim, print, progressLine } from '../output.ts';
import { departureCommands } from './directory/departures.ts';
import { countsOf, drawChanges, drawDifferences } from './directory/draw-changes.ts';
import { type Progress, progressTransport } from './directory/progress-transport.ts';
import { progressBar } from './policy/progress-bar.ts';

const pruneOption = ['--prune', 'also remove what these institutions have and the file does not', false] as const;

export function directoryCommands(program: Command, options: () => ConnectionOptions): void {
  const directory = program
    .command('directory')
    .description('institutions, branches, desks, people, agents, devices, clients, accounts, venues, contracts');
  directory
    .command('plan <file>')
    .description('show what a file would change')
    .option(...pruneOption)
    .action(async (path: string, { prune }: { prune: boolean }) => {
      const { changes } = await planOf(path, { prune, values: false }, options());
      for (const line of drawChanges(changes)) print(line);
      print(dim(changes.length === 0 ? 'nothing differs' : `${changes.length} would change`));
    });
  directory
    .command('diff <file>')
    .description('show what a file would change, and from what to what')
    .option(...pruneOption)
    .action(async (path: string, { prune }: { prune: boolean }) => {
      const { version, changes } = await planOf(path, { prune, values: true }, options());
      for (const line of drawDifferences(changes)) print(line);
      print(
        dim(changes.length === 0 ? 'nothing differs' : `would be ${countsOf(changes)}; directory version ${version}`),
      );
    });
  directory
    .command('apply <file>')
    .description('make a file the truth about the institutions it names; all or nothing')
    .option(...pruneOption)
    .option(
      '--propose <reason>',
      'propose it instead: changes to production clients and to people who approve, sign or govern need a second person',
    )
    .action(async (path: string, { prune, propose }: { prune: boolean; propose?: string }) => {
      const file = readBody(path, 'Name a directory file.');
      const { connection, until } = watching(options());
      await makeOrPropose(connection, {
        make: () =>
          until(
            request(connection, 'POST /directory/apply', {
              scope: 'directory:apply',
              query: { prune: prune || undefined },
              body: file,
            }),
          ),
        proposal: { file, prune },
        reason: propose,
      });
    });
  departureCommands(directory, options);
}

async function planOf(
  path: string,
  { prune, values }: { readonly prune: boolean; readonly values: boolean },
  options: ConnectionOptions,
): Promise<Schemas['DirectoryPlan']> {
  const file = readBody(path, 'Name a directory file.');
  const { connection, until } = watching(options);
  return until(
    request(connection, 'POST /directory/plan', {
      scope: 'directory:apply',
      query: { prune: prune || undefined, values: values || undefined },
      body: file,
    }),
  );
}

const steps: Readonly<Record<string, string>> = { read: 'read', checked: 'differ', written: 'written' };
/** Smaller files finish before a progress bar could be read. */
const worthShowing = 5_000;

/** A connection that shows the progress of a large file until the response arrives. */
function watching(options: ConnectionOptions): {
  readonly connection: Connection;
  until<A>(answer: Promise<A>): Promise<A>;
} {
  const line = progressLine();
  let last: string | undefined;
  const onProgress = ({ step, done, of }: Progress): void => {
    if (of < worthShowing) return;
    last = progressBar({ done, of }, steps[step] ?? step);
    line.update(last);
  };
  return {
    connection: connect(options, progressTransport(onProgress)),
    async until(answer) {
      try {
        return await answer;
      } finally {
        if (last !== undefined) line.end(dim(last));
      }
    },
  };
}
