import type { Command } from 'commander';
import { request } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { print } from '../output.ts';

const verbs = [
  { verb: 'lock', about: 'lock a person out: sessions end, and no sign-in or signature of that person counts' },
  { verb: 'unlock', about: 'unlock a person' },
] as const;

export function accountCommands(program: Command, options: () => ConnectionOptions): void {
  const account = program.command('account').description('accounts of people');
  for (const { verb, about } of verbs)
    account
      .command(`${verb} <person>`)
      .description(about)
      .requiredOption('--reason <text>', 'recorded; without names of people')
      .action(async (person: string, { reason }: { reason: string }) => {
        const inputs = { scope: `account:${verb}`, params: { person }, body: { reason } } as const;
        await (verb === 'lock'
          ? request(connect(options()), 'POST /people/{person}/lock', { ...inputs, scope: 'account:lock' })
          : request(connect(options()), 'POST /people/{person}/unlock', { ...inputs, scope: 'account:unlock' }));
        print(`${person}  ${verb}ed`);
      });
}
