import type { Command } from 'commander';
import { type Answer, readBody, request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { makeOrPropose } from '../directory-door.ts';
import { bold, dim, print, printJson, yellow } from '../output.ts';

const proposeOption = [
  '--propose <reason>',
  'propose it instead: changes to a production client need a second person',
] as const;

export function clientCommands(program: Command, options: () => ConnectionOptions): void {
  const client = program
    .command('client')
    .description('OAuth clients of the institution whose client key is used; all of them for the operator');
  client
    .command('list')
    .description('registered clients, one a line')
    .action(async () => {
      const connection = connect(options());
      let count = 0;
      let after: string | undefined;
      do {
        const inputs = { scope: 'directory:read', query: { after } } as const;
        const { clients, next }: Answer<'GET /directory/clients'> = await request(
          connection,
          'GET /directory/clients',
          inputs,
        );
        for (const document of clients) print(lineOf(document));
        count += clients.length;
        after = next;
      } while (after !== undefined);
      if (count === 0) print(dim('none'));
    });
  client
    .command('show <id>')
    .description('the registration of a client as JSON, as `client put` takes it')
    .action(async (id: string) => {
      const inputs = { scope: 'directory:read', params: { kind: 'client', id } } as const;
      printJson(await request(connect(options()), 'GET /directory/{kind}/{id}', inputs));
    });
  client
    .command('put <file>')
    .description('register a client, or change it to what the file says')
    .option(...proposeOption)
    .action(async (path: string, { propose }: { propose?: string }) => {
      const document = readBody(path, 'Name the registration of a client: `client show ID` prints one.');
      const connection = connect(options());
      await makeOrPropose(connection, {
        make: () => request(connection, 'POST /directory/clients', { scope: 'directory:apply', body: document }),
        proposal: { edit: { put: { clients: [document] } } },
        reason: propose,
      });
    });
  client
    .command('remove <id>')
    .description('remove a client, and with it everything issued to it')
    .option(...proposeOption)
    .action(async (id: string, { propose }: { propose?: string }) => {
      const connection = connect(options());
      await makeOrPropose(connection, {
        make: () => request(connection, 'DELETE /directory/clients/{id}', { scope: 'directory:apply', params: { id } }),
        proposal: { edit: { remove: [{ kind: 'client', id }] } },
        reason: propose,
      });
    });
}

function lineOf(document: Schemas['Client']): string {
  const { id, institution, principal, kind = 'machine', profile = 'fapi2', environment = 'sandbox' } = document;
  const where = environment === 'production' ? yellow(environment) : dim(environment.padEnd(10));
  return `${bold(id.padEnd(24))} ${where} ${profile.padEnd(5)} ${kind.padEnd(7)} ${institution} ${dim(principal)}`;
}
