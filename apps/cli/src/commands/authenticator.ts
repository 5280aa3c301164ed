import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print, red } from '../output.ts';
import { visible } from '../visible.ts';

export function authenticatorCommands(program: Command, options: () => ConnectionOptions): void {
  const authenticator = program.command('authenticator').description('security keys and passkeys of people');
  authenticator
    .command('invite <person>')
    .description('create a link with which a person registers the first key; give it only to that person')
    .requiredOption(
      '--evidence <reference...>',
      'how the identity was verified: a file number, a record; it is recorded',
    )
    .option('--hours <count>', 'hours for which the link is valid; 24 when left out, at most 72')
    .action(async (person: string, { evidence, hours }: { evidence: readonly string[]; hours?: string }) => {
      const invitation = await request(connect(options()), 'POST /people/{person}/invitations', {
        scope: 'authenticator:invite',
        params: { person },
        body: { evidence, life_hours: hours === undefined ? undefined : Number(hours) },
      });
      print(invitation.url);
      print(dim(`works once, until ${invitation.expires_at}; recorded as ${invitation.record_id}`));
    });
  authenticator
    .command('list <person>')
    .description('the current keys of a person')
    .action(async (person: string) => {
      const account = await request(connect(options()), 'GET /people/{person}/authenticators', {
        scope: 'authenticator:read',
        params: { person },
      });
      for (const line of drawAccount(account)) print(line);
    });
  authenticator
    .command('revoke <person> [id]')
    .description('revoke one key of a person, or with --all every key; after the last one the person needs a recovery')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .option('--all', 'all keys and open invitations of the person', false)
    .action(async (person: string, id: string | undefined, { reason, all }: { reason: string; all: boolean }) => {
      if (all === (id !== undefined))
        throw new CodedError({
          code: 'authenticator_unnamed',
          category: 'invalid',
          detail: 'Name one key by its id, or --all of them.',
        });
      const connection = connect(options());
      const inputs = { scope: 'authenticator:revoke', body: { reason } } as const;
      if (id === undefined) {
        const route = 'POST /people/{person}/authenticators/revoke';
        const { revoked } = await request(connection, route, { ...inputs, params: { person } });
        print(`${revoked} revoked`);
      } else {
        const route = 'POST /people/{person}/authenticators/{id}/revoke';
        await request(connection, route, { ...inputs, params: { person, id } });
        print(`${id}  revoked`);
      }
    });
}

function drawAccount({ person, locked, authenticators }: Schemas['AccountState']): readonly string[] {
  return [
    `${bold(person)}${locked ? `  ${red('locked')}` : ''}`,
    ...authenticators.map((each) => {
      const kind = each.backup_eligible ? 'can be copied' : each.attested ? 'cannot be copied' : 'maker unknown';
      const used = each.last_used_at === undefined ? 'never used' : `used ${each.last_used_at}`;
      const suspended = each.suspended_at === undefined ? '' : `  ${red('suspended: there may be a copy')}`;
      return `${each.id}  ${each.acr.padEnd(4)}  ${visible(each.name)}${suspended}  ${dim([each.model, kind, used].filter((part) => part !== undefined).join(', '))}`;
    }),
    ...(authenticators.length === 0 ? [dim('no key')] : []),
  ];
}
