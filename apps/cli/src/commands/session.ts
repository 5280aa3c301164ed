import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print, red } from '../output.ts';
import { visible } from '../visible.ts';

/** Sessions of people, and their risk signals. */
export function sessionCommands(program: Command, options: () => ConnectionOptions): void {
  const session = program.command('session').description('sign-in sessions of people');
  session
    .command('list <person>')
    .description('sessions of a person, newest first, and current risk signals')
    .action(async (person: string) => {
      const sessions = await request(connect(options()), 'GET /people/{person}/sessions', {
        scope: 'session:read',
        params: { person },
      });
      for (const line of draw(sessions)) print(line);
    });
  session
    .command('end <person> [id]')
    .description('end one session of a person, or with --all every one; they can sign in again')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .option('--all', 'all sessions of the person', false)
    .action(async (person: string, id: string | undefined, { reason, all }: { reason: string; all: boolean }) => {
      if (all === (id !== undefined))
        throw new CodedError({
          code: 'session_unnamed',
          category: 'invalid',
          detail: 'Name one session by its id, or --all of them.',
        });
      const connection = connect(options());
      const inputs = { scope: 'session:end', body: { reason } } as const;
      if (id === undefined) {
        const route = 'POST /people/{person}/sessions/end';
        const { ended } = await request(connection, route, { ...inputs, params: { person } });
        print(`${ended} ended`);
      } else {
        await request(connection, 'POST /people/{person}/sessions/{id}/end', { ...inputs, params: { person, id } });
        print(`${id}  ended`);
      }
    });
  session
    .command('clear <person> <signal>')
    .description('clear a risk signal after an investigation, e.g. impossible-travel')
    .action(async (person: string, signal: string) => {
      await request(connect(options()), 'POST /people/{person}/signals/{signal}/clear', {
        scope: 'account:unlock',
        params: { person, signal },
      });
      print(`${person}  ${visible(signal)} cleared`);
    });
}

function draw({ person, sessions, signals }: Schemas['PersonSessions']): readonly string[] {
  return [
    `${bold(person)}${signals.length === 0 ? '' : `  ${red(signals.join(', '))}`}`,
    ...sessions.map(({ id, tier, acr, device, where, started_at, last_seen_at, ends_at }) => {
      const told = [where, device].filter((part) => part !== undefined).map(visible);
      return `${id}  ${tier}  ${acr}  ${dim([...told, `since ${started_at}`, `seen ${last_seen_at}`, `until ${ends_at}`].join(', '))}`;
    }),
    ...(sessions.length === 0 ? [dim('no sessions')] : []),
  ];
}
