import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../../connection.ts';
import { call } from '../../directory-door.ts';
import { bold, dim, green, print, yellow } from '../../output.ts';
import { visible } from '../policy/visible.ts';

interface DepartureView {
  readonly id: string;
  readonly kind: 'leave' | 'move';
  readonly principal: string;
  readonly at: string;
  readonly effects: readonly {
    readonly name: string;
    readonly status: 'pending' | 'done';
    readonly ended?: number;
    readonly last_failure?: string;
  }[];
  readonly status: 'in-progress' | 'completed';
}

const reasonOption = ['--reason <text>', 'why; it is recorded'] as const;

/** Principals that leave or move. */
export function departureCommands(directory: Command, options: () => ConnectionOptions): void {
  directory
    .command('leave <principal>')
    .description(
      'take a principal out with everything it held: credentials, clients, sessions, tokens, approvals, mandates',
    )
    .requiredOption(...reasonOption)
    .action(async (principal: string, { reason }: { reason: string }) => {
      draw(await call(connect(options()), 'POST', `${pathOf(principal)}/leave`, 'directory:apply', { reason }));
    });
  directory
    .command('move <principal>')
    .description('put a person on another desk or into other roles; what they held ends, and they sign in anew')
    .option('--desk <name>', 'the new desk')
    .option('--no-desk', 'on no desk any more')
    .option('--roles <list>', 'all roles from now on, with commas between them')
    .requiredOption(...reasonOption)
    .action(
      async (
        principal: string,
        { desk, roles, reason }: { desk?: string | boolean; roles?: string; reason: string },
      ) => {
        const to = {
          ...(typeof desk === 'string' ? { desk } : desk === false ? { desk: null } : {}),
          ...(roles === undefined ? {} : { roles: roles.split(',').filter((role) => role !== '') }),
        };
        draw(await call(connect(options()), 'POST', `${pathOf(principal)}/move`, 'directory:apply', { ...to, reason }));
      },
    );
  directory
    .command('departures')
    .description('who has left or moved, newest first, and whether everything they held has ended')
    .option('--status <status>', 'in-progress or completed')
    .action(async ({ status }: { status?: string }) => {
      const query = status === undefined ? '' : `?status=${encodeURIComponent(status)}`;
      const { departures } = (await call(connect(options()), 'GET', `departures${query}`)) as {
        departures: readonly DepartureView[];
      };
      for (const departure of departures) for (const line of linesOf(departure)) print(line);
      if (departures.length === 0) print(dim('none'));
    });
}

function pathOf(principal: string): string {
  return `principals/${encodeURIComponent(principal)}`;
}

function draw(answer: unknown): void {
  const departure = answer as DepartureView;
  for (const line of linesOf(departure)) print(line);
  if (departure.status === 'in-progress')
    print(dim('It is out of the directory. What is left is tried again until it has ended: `directory departures`.'));
}

/** A line for the departure and one for each thing that it ends. */
export function linesOf({ id, kind, principal, at, status, effects }: DepartureView): readonly string[] {
  const verb = kind === 'leave' ? 'left' : 'moved';
  const how = status === 'completed' ? green('completed') : yellow('in progress');
  return [
    `${bold(visible(principal))} ${verb}  ${how}  ${dim(`${at}  ${id}`)}`,
    ...effects.map(({ name, status: state, ended = 0, last_failure: failure }) =>
      state === 'done'
        ? `  ${green('ended')}    ${visible(name)}${dim(`  ${ended}`)}`
        : `  ${yellow('waits')}    ${visible(name)}${failure === undefined ? '' : dim(`  last: ${visible(failure)}`)}`,
    ),
  ];
}
