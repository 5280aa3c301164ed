import type { Command } from 'commander';
import { request, type Schemas } from '../../api.ts';
import { type ConnectionOptions, connect } from '../../connection.ts';
import { bold, dim, green, print, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';

const reasonOption = ['--reason <text>', 'why; it is recorded'] as const;

/** Principals that leave or move. */
export function departureCommands(directory: Command, options: () => ConnectionOptions): void {
  directory
    .command('leave <principal>')
    .description(
      'remove a principal with everything it holds: credentials, clients, sessions, tokens, approvals, mandates',
    )
    .requiredOption(...reasonOption)
    .action(async (principal: string, { reason }: { reason: string }) => {
      draw(
        await request(connect(options()), 'POST /directory/principals/{id}/leave', {
          scope: 'directory:apply',
          params: { id: principal },
          body: { reason },
        }),
      );
    });
  directory
    .command('move <principal>')
    .description('move a person to another desk or other roles; existing access ends, and the person signs in again')
    .option('--desk <name>', 'the new desk')
    .option('--no-desk', 'on no desk any more')
    .option('--roles <list>', 'all roles from now on, with commas between them')
    .requiredOption(...reasonOption)
    .action(
      async (
        principal: string,
        { desk, roles, reason }: { desk?: string | boolean; roles?: string; reason: string },
      ) => {
        draw(
          await request(connect(options()), 'POST /directory/principals/{id}/move', {
            scope: 'directory:apply',
            params: { id: principal },
            body: {
              desk: typeof desk === 'string' ? desk : desk === false ? null : undefined,
              roles: roles?.split(',').filter((role) => role !== ''),
              reason,
            },
          }),
        );
      },
    );
  directory
    .command('departures')
    .description('who has left or moved, newest first, and whether everything they held has ended')
    .option('--status <status>', 'in-progress or completed')
    .action(async ({ status }: { status?: string }) => {
      const inputs = { scope: 'directory:read', query: { status } } as const;
      const { departures } = await request(connect(options()), 'GET /directory/departures', inputs);
      for (const departure of departures) for (const line of linesOf(departure)) print(line);
      if (departures.length === 0) print(dim('none'));
    });
}

function draw(departure: Schemas['Departure']): void {
  for (const line of linesOf(departure)) print(line);
  if (departure.status === 'in-progress')
    print(
      dim('It is out of the directory. The remaining steps are retried until they succeed: `directory departures`.'),
    );
}

/** A line for the departure and one for each thing that it ends. */
export function linesOf({ id, kind, principal, at, status, effects }: Schemas['Departure']): readonly string[] {
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
