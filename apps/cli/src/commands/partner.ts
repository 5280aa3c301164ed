import type { Command } from 'commander';
import { type ConnectionOptions, connect, readJson } from '../connection.ts';
import { print } from '../output.ts';

export function partnerCommands(program: Command, options: () => ConnectionOptions): void {
  const partner = program.command('partner').description('partners whose identity providers are trusted, and how far');
  partner
    .command('apply <file>')
    .description('register the trust profile of a partner')
    .action(async (file: string) => {
      const { issuer, client, token } = connect(options());
      const answer = await client.callOrThrow(await token('partners', 'partner:register'), {
        method: 'POST',
        url: `${issuer}/partners/profiles`,
        body: readJson(file, 'Name a trust profile.'),
      });
      print(JSON.stringify(answer, undefined, 2));
    });
}
