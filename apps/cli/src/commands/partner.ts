import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { type Connection, type ConnectionOptions, connect, readJson } from '../connection.ts';
import { isRequest, printProposed } from '../directory-door.ts';
import { dim, print, yellow } from '../output.ts';

interface Profile {
  readonly id: string;
  readonly version: number;
  readonly institution: string;
  readonly issuer: string;
  readonly suspended?: true;
}

export function partnerCommands(program: Command, options: () => ConnectionOptions): void {
  const partner = program.command('partner').description('partners whose identity providers are trusted, and how far');
  partner
    .command('apply <file>')
    .description('register the trust profile of a partner: more trust than before waits for a second person')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (file: string, { reason }: { reason: string }) => {
      const profile = readJson(file, 'Name a trust profile.');
      const answer = await call(connect(options()), 'POST', '', { profile, reason });
      if (isRequest(answer)) printProposed(answer);
      else print(JSON.stringify(answer, undefined, 2));
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
      print(lineOf((await call(connection, 'POST', `/${found.id}/suspend`, { reason })) as Profile));
    });
}

async function profilesAt(connection: Connection): Promise<readonly Profile[]> {
  return ((await call(connection, 'GET', '')) as { readonly profiles: readonly Profile[] }).profiles;
}

async function call(
  { issuer, client, token }: Connection,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> {
  return client.callOrThrow(await token('partners', 'partner:register'), {
    method,
    url: `${issuer}/partners/profiles${path}`,
    ...(body === undefined ? {} : { body }),
  });
}

function lineOf({ id, version, institution, issuer, suspended }: Profile): string {
  return `${id}  ${institution}  ${issuer}  ${dim(`version ${version}`)}${suspended === true ? `  ${yellow('suspended')}` : ''}`;
}
