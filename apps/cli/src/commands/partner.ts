import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { readBody, request, type Schemas } from '../api.ts';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { isRequest, printProposed } from '../directory-door.ts';
import { dim, print, printJson, yellow } from '../output.ts';

export function partnerCommands(program: Command, options: () => ConnectionOptions): void {
  const partner = program.command('partner').description('partners whose identity providers are trusted, and how far');
  partner
    .command('apply <file>')
    .description('register the trust profile of a partner: more trust than before waits for a second person')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (file: string, { reason }: { reason: string }) => {
      const profile = readBody(file, 'Name a trust profile.');
      const answer = await request(connect(options()), 'POST /partners/profiles', {
        scope: 'partner:register',
        body: { profile, reason },
      });
      if (isRequest(answer)) printProposed(answer);
      else printJson(answer);
    });
  partner
    .command('list')
    .description('the profiles that are in force')
    .action(async () => {
      const profiles = await profilesAt(connect(options()));
      for (const profile of profiles) print(lineOf(profile));
      if (profiles.length === 0) print(dim('none'));
    });
  partner
    .command('suspend <issuer>')
    .description('withdraw trust at once; to trust it again, apply its profile with a second person')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (issuer: string, { reason }: { reason: string }) => {
      const connection = connect(options());
      const found = (await profilesAt(connection)).find((profile) => profile.issuer === issuer);
      if (found === undefined)
        throw new CodedError({
          code: 'profile_not_found',
          category: 'not-found',
          detail: `No trust profile is of the issuer ${issuer}. \`countersign partner list\` names those there are.`,
        });
      const suspended = await request(connection, 'POST /partners/profiles/{id}/suspend', {
        scope: 'partner:register',
        params: { id: found.id },
        body: { reason },
      });
      print(lineOf(suspended));
    });
}

async function profilesAt(connection: Connection): Promise<readonly Schemas['TrustProfile'][]> {
  return (await request(connection, 'GET /partners/profiles', { scope: 'partner:register' })).profiles;
}

function lineOf({ id, version, institution, issuer, suspended }: Schemas['TrustProfile']): string {
  return `${id}  ${institution}  ${issuer}  ${dim(`version ${version}`)}${suspended === true ? `  ${yellow('suspended')}` : ''}`;
}
