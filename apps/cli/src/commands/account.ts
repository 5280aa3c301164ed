import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { print } from '../output.ts';
import { callAbout } from './people-door.ts';

const verbs = [
  { verb: 'lock', about: 'lock a person out: sessions end, no sign-in and no signature of theirs counts' },
  { verb: 'unlock', about: 'let a person in again who was locked out' },
] as const;

/** Accounts of people. */
export function accountCommands(program: Command, options: () => ConnectionOptions): void {
  const account = program.command('account').description('accounts of people');
  for (const { verb, about } of verbs)
    account
      .command(`${verb} <person>`)
      .description(about)
      .requiredOption('--reason <text>', 'recorded; without names of people')
      .action(async (person: string, { reason }: { reason: string }) => {
        await callAbout(person, connect(options()), 'POST', `/${verb}`, `account:${verb}`, { reason });
        print(`${person}  ${verb}ed`);
      });
}
