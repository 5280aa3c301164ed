import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print, red } from '../output.ts';
import { callAbout } from './people-door.ts';
import { visible } from './policy/visible.ts';

interface SessionsView {
  readonly person: string;
  readonly sessions: readonly {
    readonly id: string;
    readonly acr: string;
    readonly tier: string;
    readonly device?: string;
    readonly where?: string;
    readonly started_at: string;
    readonly last_seen_at: string;
    readonly ends_at: string;
  }[];
  readonly signals: readonly string[];
}

/** Where people are signed in, and what is unusual about it. */
export function sessionCommands(program: Command, options: () => ConnectionOptions): void {
  const session = program.command('session').description('where people are signed in');
  session
    .command('list <person>')
    .description('their sessions, newest first, and what is unusual about them now')
    .action(async (person: string) => {
      const answer = await callAbout(person, connect(options()), 'GET', '/sessions', 'session:read');
      for (const line of draw(answer as SessionsView)) print(line);
    });
  session
    .command('end <person> [id]')
    .description('end one session of a person, or with --all every one; they can sign in again')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .option('--all', 'every session that they have', false)
    .action(async (person: string, id: string | undefined, { reason, all }: { reason: string; all: boolean }) => {
      if (all === (id !== undefined))
        throw new CodedError({
          code: 'session_unnamed',
          category: 'invalid',
          detail: 'Name one session by its id, or --all of them.',
        });
      const path = id === undefined ? '/sessions/end' : `/sessions/${encodeURIComponent(id)}/end`;
      const answer = await callAbout(person, connect(options()), 'POST', path, 'session:end', { reason });
      print(id === undefined ? `${(answer as { ended: number }).ended} ended` : `${id}  ended`);
    });
  session
    .command('clear <person> <signal>')
    .description('say that what was unusual was looked into and is settled, e.g. impossible-travel')
    .action(async (person: string, signal: string) => {
      const path = `/signals/${encodeURIComponent(signal)}/clear`;
      await callAbout(person, connect(options()), 'POST', path, 'account:unlock');
      print(`${person}  ${visible(signal)} cleared`);
    });
}

function draw({ person, sessions, signals }: SessionsView): readonly string[] {
  return [
    `${bold(person)}${signals.length === 0 ? '' : `  ${red(signals.join(', '))}`}`,
    ...sessions.map(({ id, tier, acr, device, where, started_at, last_seen_at, ends_at }) => {
      const told = [where, device].filter((part) => part !== undefined).map(visible);
      return `${id}  ${tier}  ${acr}  ${dim([...told, `since ${started_at}`, `seen ${last_seen_at}`, `until ${ends_at}`].join(', '))}`;
    }),
    ...(sessions.length === 0 ? [dim('signed in nowhere')] : []),
  ];
}
